"""Text for a terminal or a log: text from outside must not control either."""


def printable(text: str) -> str:
    """Return the text with all control characters escaped; line ends stay."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


def on_one_line(text: str) -> str:
    """Return the text with all control characters and line ends escaped."""
    return printable(text).replace("\n", "\\n")
