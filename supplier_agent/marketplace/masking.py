"""Decides what in a listed entry may be about a person, by its key or by its form, and replaces it. Pure.

A name or a street has no form of its own, so it is found by its key alone: free text is searched for e-mail addresses and telephone
numbers, and for nothing else.
"""

import hmac
import re
import unicodedata
from collections.abc import Iterable
from enum import Enum, auto
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import NamedTuple

from supplier_agent.settings.model import Supplier

MASKED_DIGITS = 6
"""Enough to see that a value has changed. So few that many telephone numbers share them, should the key ever be known."""
HIDDEN = "(masked)"
"""Replaces what changes with each answer, like the signature of a link: its changes mean nothing."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PERSONAL = _set("""
    customer client buyer recipient consignee receiver contact person guest company name firstname lastname surname fullname
    forename username login address street city town zip zipcode postcode postal phone telephone tel mobile cell fax gsm email mail
    birth birthday birthdate dob ip iban lat lng lon latitude longitude
    acheteur destinataire nom prenom societe adresse rue voie ville commune portable courriel naissance etage digicode
    klient nabywca odbiorca kupujacy imie nazwisko nazwa firma adres ulica miasto miejscowosc pocztowy telefon komorka
    musteri alici ad adi isim isimi soyad soyadi soyisim adresi sokak cadde mahalle ilce sehir eposta cep
""")
_WITHIN = _set("""
    customer client recipient firstname lastname fullname surname username address adresse street postcode zipcode postalcode
    codepostal kodpocztowy postakodu phone email eposta telefon destinataire acheteur odbiorca musteri nazwisko prenom soyad
""")
"""The same, in keys without a sign between their words. Long enough to be part of no other word."""
_SECRET = _set("token password passwd secret apikey signature authorization bearer credential session")
_NAMES = _set("name nom nazwa ad adi isim isimi company societe firma")
_THINGS = _set("""
    product products item items article articles sku carrier carriers file files label labels brand shop store supplier vendor
    warehouse category attribute option options model variant collection color colour material method service status state field
    column table tag template image picture document unit currency event type package parcel line lines source channel website
    produit produits transporteur fichier etiquette marque fournisseur entrepot categorie couleur modele
    produkt produktu towar przewoznik plik etykieta marka sklep kategoria kolor
    urun kargo dosya etiket kategori renk magaza
""")
"""What has a name or a company without being a person: in the key itself, or in the key of the object around it."""
_CODES = _set("""
    id ids sku ean gtin upc isbn asin barcode code number no ref reference increment price amount total tax cost quantity qty
    weight date at time timestamp tracking parcel awb version hash sha256 uuid link url uri width height depth
    numero montant prix poids suivi colis cena waga numer data fiyat adet takip tarih
""")
"""Keys of numbers that can have the form of a telephone number."""
_REFERENCES = _set(
    "id ids number no ref reference barcode ean gtin upc tracking parcel awb uuid increment numero suivi colis numer takip"
)

_EMAIL = re.compile(r"[\w.+%'-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"\b(https?://)(?:[^\s/?#@]*@)?([^\s?#]+)(?:[?#]\S*)?", re.IGNORECASE)
_ABROAD = re.compile(
    r"(?<![\w+])(?:\+[1-9](?:[ .\-/()\u00a0]{0,3}[0-9]){7,13}|00[1-9](?:[ .\-/()\u00a0]{0,3}[0-9]){9,12})(?!\w)"
)
_AT_HOME = re.compile(
    r"(?<![\w.+,-])(?:"
    r"0[1-9]([ .\-/\u00a0]?)[0-9]{2}(?:\1[0-9]{2}){3}"  # 06 12 34 56 78
    r"|[4-8][0-9]{2}([ \-\u00a0])[0-9]{3}\2[0-9]{3}"  # 600 123 456
    r"|\(?0[ ]?\(?[2-5][0-9]{2}\)?[ \-\u00a0]?[0-9]{3}[ \-\u00a0]?[0-9]{2}[ \-\u00a0]?[0-9]{2}"  # 0532 123 45 67
    r"|5[0-9]{2} [0-9]{3} [0-9]{2} [0-9]{2}"  # 532 123 45 67
    r"|\(?0[0-9]{2,4}\)?([ \-/])[0-9]{3,4}\3?[0-9]{3,4}"  # 030 1234 5678
    r")(?![\w-])"
)
_DIGITS = re.compile(r"[0-9][^\w]{0,3}[0-9]")
_EAN_DIGITS = 13
SHORTEST_PHONE = 8
MOST_FIELDS = 1024
MOST_NAMES = 300
"""No entry has so many fields. An object whose keys are data could have any number."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


_UNACCENTED = {0x131: "i", 0x142: "l", 0x141: "L"}
"""Letters that Unicode does not split into a letter and its accent."""


@lru_cache(maxsize=4096)
def _words(key: str) -> tuple[str, ...]:
    """Return the words of a key: without accents, in lower case."""
    plain = unicodedata.normalize("NFKD", key.translate(_UNACCENTED))
    return tuple(word.lower() for word in _WORDS.findall(plain.encode("ascii", "ignore").decode()))


def is_personal(key: str, around: str = "") -> bool:
    """Tell whether a key names something about a person. around: the key of the object around it; "": none."""
    words = frozenset(_words(key))
    found = words & _PERSONAL
    whole = "".join(_words(key))
    if not found and not any(each in whole for each in _WITHIN):
        return False
    if found and found <= _NAMES and (words | frozenset(_words(around))) & _THINGS:
        return False
    return _words(key)[-1] not in {"id", "ids", "at", "count"}


def is_secret(key: str) -> bool:
    """Tell whether a key names a credential."""
    whole = "".join(_words(key))
    return any(each in whole for each in _SECRET)


def is_code(key: str) -> bool:
    """Tell whether a key names a number that is no telephone number, whatever its form."""
    return bool(frozenset(_words(key)) & _CODES)


def is_reference(key: str) -> bool:
    """Tell whether a key names an id or another number by which a thing is found."""
    return bool(frozenset(_words(key)) & _REFERENCES)


def may_be_address(text: str) -> bool:
    """Tell whether a text may hold an e-mail address or a link. Quick."""
    return "@" in text or "://" in text or "%40" in text


class How(Enum):
    """What becomes of the values of a field."""

    JUDGED = auto()  # by their form
    HIDDEN = auto()  # they belong to a person, as does everything within
    SECRET = auto()  # they are credentials
    SHOWN = auto()  # the configuration names the field


class Field(NamedTuple):
    """A field of an entry. name: with the names of the objects around it, and dots. quoted: its key as JSON, masked if personal."""

    name: str = ""
    key: str = ""
    how: How = How.JUDGED
    is_code: bool = False
    quoted: str = ""


class Fields(NamedTuple):
    """The fields of an object, sorted by their keys."""

    ordered: tuple[Field, ...]
    names: frozenset[str]
    is_masked: bool  # one of the keys is masked


class Mask:
    """What is hidden in the entries of one supplier, and how.

    shown: the fields that are kept as they are, by their dotted names. told: those that are kept whatever their key, and searched
    for e-mail addresses and telephone numbers only.
    """

    def __init__(self, key: bytes, shown: Iterable[str] = (), told: Iterable[str] = ()) -> None:
        self._key, self._shown, self._told = key, frozenset(shown), frozenset(told)
        self._fields: dict[tuple[str, How, tuple[str, ...]], Fields] = {}

    def fields(self, around: Field, keys: tuple[str, ...]) -> Fields:
        """Return the fields of an object with these keys that is the value of `around`."""
        known = (around.name, around.how, keys)
        found = self._fields.get(known)
        if found is None:
            if len(self._fields) >= MOST_FIELDS:  # keys that are data
                self._fields.clear()
            ordered = tuple(self._judge(around, key) for key in sorted(set(keys)))
            names = frozenset(each.name for each in ordered[:MOST_NAMES])
            is_masked = any(self.text(key) != key for key in keys)
            found = self._fields[known] = Fields(ordered, names, is_masked)
        return found

    def _judge(self, around: Field, key: str) -> Field:
        plain = self.text(key)
        part = "*" if key.isdecimal() else plain
        name = f"{around.name}.{part}" if around.name else part
        how = around.how
        if name in self._shown:
            how = How.SHOWN
        elif how is not How.SHOWN and is_secret(key):
            how = How.SECRET
        elif how is How.JUDGED and name not in self._told and is_personal(key, around.key):
            how = How.HIDDEN
        return Field(name, key, how, is_code(key), encode_basestring_ascii(plain))

    def value(self, text: str, about: str = "") -> str:
        """Return what replaces a value. Equal values about the same thing have the same replacement.

        The digits depend on a key that is not in the database, so nobody can find the value by trying all telephone numbers.
        """
        digest = hmac.digest(self._key, f"{about}\0{text}".encode("utf-8", "surrogatepass"), "sha256").hex()
        return f"(masked:{digest[:MASKED_DIGITS]})"

    def text(self, text: str, about: str = "", *, is_code: bool = False) -> str:
        """Return a text with its e-mail addresses and telephone numbers replaced, and the queries of its links removed.

        The same object is returned if there is nothing to hide.
        """
        kept = text
        if "://" in text:
            kept = _URL.sub(_without_query, kept)
        if may_be_address(text):
            kept = _EMAIL.sub(lambda match: self.value(match[0], about), kept)
        if not is_code and len(text) >= SHORTEST_PHONE and _DIGITS.search(text):
            kept = _ABROAD.sub(lambda match: match[0] if _is_ean(match[0]) else self.value(match[0], about), kept)
            kept = _AT_HOME.sub(lambda match: self.value(match[0], about), kept)
        return text if kept == text else kept


def mask_of(supplier: Supplier, key: bytes) -> Mask:
    """Return what is hidden in the entries of a supplier with these settings."""
    return Mask(key, supplier.unmasked_fields, filter(None, [supplier.instructions_field]))


def _without_query(match: "re.Match[str]") -> str:
    whole, plain = match[0], match[1] + match[2]
    return whole if plain == whole else f"{plain}?{HIDDEN}"


def _is_ean(digits: str) -> bool:
    """Tell whether this is an article number that begins with 00, not a telephone number."""
    if len(digits) != _EAN_DIGITS or not digits.isdecimal() or digits.startswith("0033"):
        return False
    odd, even = digits[-3::-2], digits[-2::-2]
    return (sum(map(int, even)) * 3 + sum(map(int, odd)) + int(digits[-1])) % 10 == 0


_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"?|(?<=[:\[,\s])-?[0-9][0-9.eE+-]*')
_SAID = _set(
    "success error errors message msg code status statuscode reason detail details title type description exception"
)
"""Keys under which an answer says what is wrong."""
LONGEST_NUMBER = 3
"""Of a number that says nothing about a person, like a status."""


def in_prose(mask: Mask, text: str) -> str:
    """Return an answer that may hold pieces of JSON, also broken ones, with what may be about a person replaced.

    Only values that say what is wrong, and numbers of orders, are kept: the objects around the others may have been cut off.
    """
    key, inside = "", False

    def replaced(match: "re.Match[str]") -> str:
        nonlocal key, inside
        literal = match[0]
        if not literal.startswith('"'):
            is_plain = not inside or len(literal) <= LONGEST_NUMBER or _is_kept(key)
            return literal if is_plain else f'"{mask.value(literal)}"'
        if text[match.end() :].lstrip()[:1] == ":":
            key, inside = literal.strip('"'), True
            return mask.text(literal)
        before = text[: match.start()].rstrip()[-1:]
        if not inside and before not in {"[", ","}:
            return literal  # not JSON
        if is_secret(key):
            return f'"{HIDDEN}"'
        return literal if _is_kept(key) or literal == '""' else f'"{mask.value(literal)}"'

    return mask.text(_LITERAL.sub(replaced, text))


def _is_kept(key: str) -> bool:
    return (is_code(key) or "".join(_words(key)) in _SAID) and not is_personal(key)
