"""Text for a terminal or a log: what came from outside, or from a colleague, must steer neither."""


def printable(text: str) -> str:
    """Return the text with every character that a terminal obeys written as its escape; line ends stay."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


def on_one_line(text: str) -> str:
    """Return the text so that it starts no line of its own either."""
    return printable(text).replace("\n", "\\n")
