"""Redaction: nothing secret survives in what a vendor is quoted with."""

from __future__ import annotations

import html
import json
import random
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from urllib.parse import quote, quote_plus

import pytest

from flask_heygen.backends.redaction import CUT, MAX_KEPT, MAX_READ, MIN_ECHO, redact

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": lambda text: json.dumps(text)[1:-1],
    "json-unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "html": html.escape,
    "url": quote,
    "form": quote_plus,
    "json-upper-case": lambda text: re.sub(
        r"(?<=\\u)[0-9a-f]{4}", lambda code: code[0].upper(), json.dumps(text)[1:-1]
    ),
    "url-lower-case": lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text)),
    "html-decimal": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "html-bare": lambda text: "".join(f"&#{ord(c)}" for c in text),
    "html-hex": lambda text: "".join(f"&#x{ord(c):X};" for c in text),
    "javascript": lambda text: "".join(f"\\u{{{ord(c):x}}}" for c in text),
    "json twice": lambda text: json.dumps(json.dumps(text))[1:-1],
    "html twice": lambda text: html.escape(html.escape(text)),
    "url twice": lambda text: quote(quote(text)),
    "html in json": lambda text: json.dumps(html.escape(text))[1:-1],
    "url in html": lambda text: html.escape(quote(text)),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "upper case": str.upper,
    "lower case": str.lower,
}

_rows = random.Random(2)
_ALPHABETS = {
    "words": "abcdefgh ijklmn opqrst uvw xyz",
    "marks": "ab \"'<>&/\\+=%?#;",
    "lines": "ab cd\n\r\t\v\x1b\x00",
    "blanks": "abc  \xa0\u2028\u3000\n\x85",
    "letters": "äöü éñ ßçø абв 你好 字",
    "emoji": "a 😀👩‍🚀🇩🇪\u200d\ufe0f",
}

SECRETS: dict[str, str] = {
    "key": "ZGI4NmQ1ODg5MjQ4NGI1OWJhNjUwZTQ2-1720000000",
    "token": "eyJ0b2tlbiI6ImFiYyIsInRva2VuX3R5cGUiOiJzYV9mcm9tX3JlZ3VsYXIifQ==",
    "sentence": "Tell me about a time when you failed, and what you learned from it.",
    "code": "if (a < b && c > \"d\") { return '/x/y?z=1&w=2'; }",
    "just long enough": "twelve chars",
    "path": r"Is it in C:\new\table, or (\w+)\d* of \u0041?",
    **{
        f"{name} {length}": "".join(_rows.choice(alphabet) for _ in range(length))
        for name, alphabet in _ALPHABETS.items()
        for length in (14, 60)
    },
}

secrets = pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)


def one_line(text: str) -> str:
    return " ".join(
        re.sub(r"\s", " ", "".join(c if c.isprintable() else " " for c in text)).split()
    )


@cache
def spelled_pieces(secret: str) -> set[str]:
    plain = one_line(secret)
    pieces = {plain[i : i + 12] for i in range(len(plain) - 11)}
    pieces = {each for each in pieces if each == each.strip()}  # else it has fewer than 12
    return {one_line(spell(each)).casefold() for each in pieces for spell in SPELLINGS.values()}


def survivors(secret: str, said: str) -> list[str]:
    """Return every 12 characters in a row of a secret that were said, however spelled."""
    return sorted(each for each in spelled_pieces(secret) if each in said.casefold())


def leaking(secret: str, *parts: str) -> dict[str, list[str]]:
    """Return what survives of each part of a secret, by how the vendor has spelled it."""
    found = {
        name: [
            survivor
            for part in parts
            for survivor in survivors(secret, redact(f"Bad: {spell(part)}, sorry", [secret]))
        ]
        for name, spell in SPELLINGS.items()
    }
    return {name: survived for name, survived in found.items() if survived}


class TestSecret:
    @secrets
    def test_is_cut_out(self, secret: str) -> None:
        """No 12 characters of an echo survive, whatever the echo was escaped as."""
        assert leaking(secret, secret) == {}

    @secrets
    def test_is_cut_out_in_pieces(self, secret: str) -> None:
        """No 12 characters of a part of an echo survive, wherever the part begins and ends."""
        least = 24 if "\\" in secret else 12  # a backslash and its letter count as one character
        starts = range(0, max(1, len(secret) - least + 1), 1 + len(secret) // 50)

        assert leaking(secret, *[secret[at : at + least + at % 9] for at in starts]) == {}

    @secrets
    def test_is_cut_out_of_a_text_on_one_line(self, secret: str) -> None:
        """A vendor that tidies a text's blanks before it quotes it gives nothing away either."""
        tidied = one_line(secret)

        said = [redact(f"Bad: {spell(tidied)}, sorry", [secret]) for spell in SPELLINGS.values()]

        assert [survivors(tidied, each) for each in said] == [[]] * len(SPELLINGS)

    @pytest.mark.parametrize(
        "spell",
        [
            lambda text: "".join(f"&#{ord(c):09};" for c in text),
            lambda text: "".join(f"&#x{ord(c):020x};" for c in text),
            lambda text: quote(text, encoding="latin-1", errors="xmlcharrefreplace"),
            lambda text: repr(text.encode())[2:-1],
            lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
            lambda text: re.sub("[^ -~]+", lambda run: repr(run[0].encode())[2:-1], text),
        ],
        ids=["padded", "padded hex", "latin-1", "bytes of Python", "bytes of C", "bytes of a log"],
    )
    @pytest.mark.parametrize("secret", ["Wie heißt „Größe“, sagen Sie?", "Кем вы себя видите?"])
    def test_is_recognized_in_rarer_escapes(self, spell: Callable[[str], str], secret: str) -> None:
        """Numbers padded with zeros, and the bytes of a text instead of its characters."""
        assert redact(f"bad: {spell(secret)}!", [secret]) == f"bad: {CUT}!"

    def test_leaves_the_words_around_it(self) -> None:
        """The vendor's own words can still be read."""
        said = redact('Invalid params: text "How are you today?" is bad', ["How are you today?"])

        assert said == f'Invalid params: text "{CUT}" is bad'

    def test_is_cut_out_each_time(self) -> None:
        """Every echo goes, those of other secrets too, and neighbours leave one mark."""
        said = redact("first-secret, second-secret! first-secretsecond-secret", SECRET_PAIR)

        assert said == f"{CUT}, {CUT}! {CUT}"

    def test_may_overlap_another(self) -> None:
        """Two secrets that share characters are both gone whole."""
        said = redact("x abcdefghijklmnopqr y", ["abcdefghijklmn", "efghijklmnopqr"])

        assert said == f"x {CUT} y"

    def test_of_no_length_cuts_nothing(self) -> None:
        """A call without a text has nothing of it to hide."""
        assert redact("Session is closed", ["", "\n", " "]) == "Session is closed"

    def test_that_is_no_echo_changes_nothing(self) -> None:
        """Eleven characters in a row are chance."""
        assert redact("elevenchars", ["elevenchars and more"]) == "elevenchars"
        assert redact("elevenchars ", ["elevenchars and more"]) == "elevenchars"

    def test_is_longer_than_a_few_letters_of_any_script(self) -> None:
        """Four characters of Chinese say as much as twelve letters."""
        secret = "请介绍一下你自己和你的工作经历"

        assert redact("无效:介绍一下。", [secret]) == f"无效:{CUT}。"
        assert redact("无效:介绍。", [secret]) == "无效:介绍。"

    def test_may_come_from_anywhere(self) -> None:
        """Secrets may be given by any iterable, one that can be read but once too."""
        assert redact("a first-secret", iter(SECRET_PAIR)) == f"a {CUT}"


SECRET_PAIR = ["first-secret", "second-secret"]


class TestShortSecret:
    @pytest.mark.parametrize(
        ("secret", "message", "said"),
        [
            ("no", "no such session", f"{CUT} such session"),
            ("no", "nothing known, no.", f"nothing known, {CUT}."),
            ("no", "a casino, no?", f"a casino, {CUT}?"),
            ("Hi!", 'text "Hi!" is bad', f'text "{CUT}" is bad'),
            ("a+b", "aa+bb a+b", f"aa+bb {CUT}"),
            ("(.*)", "what (.*) is", f"what {CUT} is"),
            ("über", "überall über uns", f"überall {CUT} uns"),
            ("a\nb", "the text a b is bad", f"the text {CUT} is bad"),
            ("a\nb", r"the text a\nb is bad", f"the text {CUT} is bad"),
            ("<b>", "the text &lt;b&gt; is bad", f"the text {CUT} is bad"),
            ("a b", "the text a%20b is bad", f"the text {CUT} is bad"),
            ("a b", "the text a+b is bad", f"the text {CUT} is bad"),
            ("你好吗", "文本你好吗无效", f"文本{CUT}无效"),
            ("да", "текст: ДА!", f"текст: {CUT}!"),
            ("Zoë", r"the text ZO\u00cb is bad", f"the text {CUT} is bad"),
        ],
    )
    def test_is_cut_out_where_it_stands_alone(self, secret: str, message: str, said: str) -> None:
        """A text shorter than twelve characters is cut out as a word, not inside of words."""
        assert redact(message, [secret]) == said


class TestMessage:
    @pytest.mark.parametrize(
        "between",
        ["\n", "\r\n", "\r", "\t", "\v", "\f", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"],
    )
    def test_is_one_line(self, between: str) -> None:
        """No message forges a line of a log, or speaks to a terminal."""
        assert redact(f" one{between}{between}two ", []) == "one two"

    @pytest.mark.parametrize("odd", ["\ud800", "\u202e", "\ufffe", "\u200b"])
    def test_holds_nothing_that_cannot_be_printed(self, odd: str) -> None:
        """Half a character, or one that turns the line round, becomes a blank."""
        assert redact(f"one{odd}two", []) == "one two"

    def test_keeps_its_letters(self) -> None:
        """Every script passes."""
        assert redact("Das ging schief: 失败 😀", []) == "Das ging schief: 失败 😀"

    def test_may_be_empty(self) -> None:
        """Nothing said is nothing shown."""
        assert redact("", ["first-secret"]) == ""

    @pytest.mark.parametrize(
        "run",
        [
            "0123456789abcdef0123456789abcdef",
            "YmFzZTY0+with/padding==YmFzZTY0+",
            "header.payload-part_of.a~signature",
            "v1/projects/heygen/secrets/latest",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.dGhlLXNpZ25hdHVyZQ",
            "eyjhbgcioijiuzi1nij9.eyjzdwiioijhin0.dghllxnpz25hdhvyzq",
            "dGhlIGtleSBvZg.c29tZWJvZHkgZWxz.ZSBhbmQgbm8gZmllbGQ",
            "deadbeef.deadbeef0123456789.deadbeef",
            "a_random_secret_of_words_without_dots",
            "qwertyuiopasdfghj.klzxcvbnmqwertyuiop",
            "body.avatar_persona.voice=a_secret_in_the_value",
        ],
    )
    def test_loses_opaque_runs(self, run: str) -> None:
        """Anything that looks like a key is cut out, though it is not one of the secrets."""
        assert redact(f"got {run}!", []) == f"got {CUT}!"

    @pytest.mark.parametrize(
        "path",
        [
            "body.avatar_persona.voice_settings.speed",
            "body.avatar_persona.voice_settings.elevenLabs.speed",
            "body.avatar_persona.dynamic_variables.0.name",
        ],
    )
    def test_keeps_paths_of_fields(self, path: str) -> None:
        """They say which field was refused."""
        assert redact(f"{path}: too fast; see {path}.", []) == f"{path}: too fast; see {path}."

    def test_loses_an_echo_in_a_path_of_fields(self) -> None:
        """A secret is cut out of the path of a field that has its name."""
        secret = "a_secret.in.plain_words"

        assert redact(f"body.dynamic_variables.{secret}: bad", [secret]) == (
            f"body.dynamic_variables.{CUT}: bad"
        )

    def test_keeps_shorter_runs(self) -> None:
        """Thirty-one characters without a blank are let through, and so are long words."""
        assert redact("a" * 31, []) == "a" * 31
        assert redact("ä" * 40, []) == "ä" * 40

    def test_is_cut_to_size(self) -> None:
        """A page and a log get no more than 300 characters."""
        said = redact("word " * 900, [])

        assert said == ("word " * 900)[:MAX_KEPT]
        assert MAX_KEPT == 300

    def test_is_read_to_a_limit(self) -> None:
        """The characters after the first 4,000 are neither read nor shown."""
        said = redact(" " * MAX_READ + "more", [])

        assert said == ""

    def test_cut_at_the_limit_shows_no_secret(self) -> None:
        """An echo that the limit cuts in two is gone but for less than a piece."""
        secret = "the text that was to be spoken"
        message = " " * (MAX_READ - 20) + secret

        said = redact(message, [secret])

        assert said == CUT

    @pytest.mark.parametrize("spelling", ["plain", "url", "html in json"])
    def test_of_any_size_is_done_with(self, spelling: str) -> None:
        """The longest text that can be allowed, quoted whole, takes no unbounded work."""
        spell = SPELLINGS[spelling]
        text = "".join(_rows.choice('abc def\n"<ä') for _ in range(40_000))

        said = redact(spell(text), [text])

        assert survivors(text[:MAX_READ], said) == []
        assert len(said) <= MAX_KEPT

    @pytest.mark.parametrize("run", ["&#" + 39_000 * "0", "&amp;" * 8000])
    def test_may_quote_a_text_that_is_one_escape(self, run: str) -> None:
        """Python converts no number of so many digits."""
        assert redact(f"bad: {run}", [run]) == f"bad: {CUT}"


class TestPiece:
    def test_is_twelve_characters(self) -> None:
        """The promise of this module's tests and of the code is one number."""
        assert MIN_ECHO == 12
