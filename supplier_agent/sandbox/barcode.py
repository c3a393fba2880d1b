"""Code 128 (set B) as bars: the widths of ISO/IEC 15417, in modules."""

from itertools import pairwise

_WIDTHS = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112"
)
_START_B, _STOP, _CHECK_MODULUS = 104, 106, 103
_FIRST, _LAST = " ", "~"
_PATTERNS = _WIDTHS.split(" ")


def symbols(text: str) -> list[int]:
    """Return start, characters, check and stop symbol. What set B cannot say becomes a question mark."""
    characters = [ord(c if _FIRST <= c <= _LAST else "?") - ord(_FIRST) for c in text]
    check = (_START_B + sum(place * value for place, value in enumerate(characters, 1))) % _CHECK_MODULUS
    return [_START_B, *characters, check, _STOP]


def symbol_widths(value: int) -> str:
    """Return the widths of a symbol's bars and gaps, a bar first, a digit each."""
    return _PATTERNS[value]


def bars(text: str) -> tuple[list[tuple[int, int]], int]:
    """Return each bar as (first module, width in modules), and the modules of the whole code without quiet zones."""
    edges = [0]
    for width in "".join(symbol_widths(value) for value in symbols(text)):
        edges.append(edges[-1] + int(width))
    bars_and_gaps = list(pairwise(edges))
    return [(start, end - start) for start, end in bars_and_gaps[::2]], edges[-1]
