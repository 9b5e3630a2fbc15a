"""The prose of a page, of a docstring or of a help text, cut into sentences, for the test of words."""

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

MOST_WORDS = 35
"""Words of the longest sentence that a stranger reads once."""
LONGEST_LINE = 120
"""Characters of the longest line outside tables and code."""

BANNED = {
    r"^Of (?!course\b)": "a sentence that begins with a bare `Of`: begin with the noun",
    r"\b(?:is|are|was|were|be|being) told\b(?! apart| by | which| where| to\b)": "`told`: say who writes, shows or reports what",
    r"\btold of\b|\btells of\b|\btell of\b": "`told of`: report, warn about, describe",
    r"\b(?:that|those) of\b": "`that of`, `those of`: repeat the noun",
    r"\bof it\b": "`of it`: repeat the noun",
    r"\b(?:laid|lays?) over\b": "`laid over`: align",
    r"\b[Ii]n the light of\b": "`in the light of`: by",
    r"\bof one's own\b": "`of one's own`: your own",
    r"\banswer(?:s|ed)? for\b": "`answer for`: predict",
    r"\blook(?:s|ed)? at again\b": "`looked at again`: refine, check again",
    r"\bthe former\b|\bthe latter\b": "`the former`, `the latter`: repeat the noun",
}
"""Phrases that a reader has to read twice, as patterns, each with what to write instead."""

CODE = re.compile(r"``.+?``|`[^`]+`")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
MARKUP = re.compile(r"<!--.*?-->|<[^>]+>|\*\*|(?<!\w)\*|\*(?!\w)")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[`]*[A-Z0-9`])")


def sentences(paragraph: str) -> list[str]:
    """Return the sentences of a paragraph; a piece of code or a link counts as its text, code as one word."""
    plain = MARKUP.sub(" ", CODE.sub("Code", LINK.sub(r"\1", paragraph)))
    return [sentence for part in SENTENCE_END.split(plain) if (sentence := " ".join(part.split()))]


def words(sentence: str) -> int:
    """Return the number of words of a sentence."""
    return sum(any(character.isalnum() for character in word) for word in sentence.split())


def faults(paragraph: str) -> list[str]:
    """Return what a reader would stumble over in a paragraph, each as a line."""
    found = []
    for sentence in sentences(paragraph):
        if words(sentence) > MOST_WORDS:
            found.append(f"{words(sentence)} words: {sentence}")
        found += [f"{cure}: {sentence}" for pattern, cure in BANNED.items() if re.search(pattern, sentence)]
    return found


def without_code(page: str) -> str:
    """Return a page in Markdown with its blocks of code, fenced or indented, as empty lines."""
    page = re.sub(r"^([ ]*)```.*?^\1```[ ]*$", lambda block: "\n" * block[0].count("\n"), page, flags=re.MULTILINE | re.DOTALL)
    kept, indented, before = [], False, ""
    for line in page.splitlines():
        indented = line.startswith("    ") and (indented or not before.strip())
        kept.append("" if indented else line)
        before = line if line.strip() or not indented else before
    return "\n".join(kept)


def paragraphs(page: str) -> Iterator[str]:
    """Yield the paragraphs, headings, items of lists and cells of tables of a page in Markdown, without its code."""
    block: list[str] = []
    for line in [*without_code(page).splitlines(), ""]:
        cell, item, heading = line.startswith("|"), re.match(r"\s*(?:[*-]|\d+\.)\s", line), line.startswith("#")
        if block and (not line.strip() or cell or item or heading):
            yield " ".join(block)
            block = []
        if cell:
            yield from (text for text in re.split(r"(?<!\\)\|", line) if re.search(r"\w", text))
        elif heading:
            yield line.lstrip("# ")
        elif line.strip():
            block.append(re.sub(r"^\s*(?:[*-]|\d+\.)\s+", "", line))


def long_lines(page: str) -> list[str]:
    """Return the lines of a page in Markdown that are too long to read, outside code, tables and pictures."""
    lines = without_code(page).splitlines()
    return [line for line in lines if len(line) > LONGEST_LINE and not line.startswith(("|", "![", "<img"))]


def docstrings(module: Path) -> Iterator[tuple[str, str]]:
    """Yield the public docstrings of a module, those of attributes and constants too, each with its name."""
    yield from _docstrings(ast.parse(module.read_text(encoding="utf-8")), "")


def _docstrings(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, str]]:
    if (text := ast.get_docstring(node)) is not None:
        yield prefix or "module", text
    named = ""
    for child in node.body:
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant) and isinstance(child.value.value, str):
            if named and not named.startswith("_"):
                yield f"{prefix}{named}", child.value.value
            named = ""
        elif isinstance(child, ast.Assign | ast.AnnAssign):
            target = child.targets[0] if isinstance(child, ast.Assign) else child.target
            named = ast.unparse(target).split(",")[0].strip("( ")
        else:
            named = ""
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from _docstrings(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef) and not child.name.startswith("_") and (text := ast.get_docstring(child)):
            yield f"{prefix}{child.name}", text


def docstring_paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a docstring in Google's style: prose, items of lists, and each argument by itself."""
    for block in re.split(r"\n\s*\n", re.sub(r"::\n.*?(?=\n\S|\Z)", "", text, flags=re.DOTALL)):
        lines = block.splitlines()
        if re.fullmatch(r"(?:Args|Returns|Yields|Raises|Attributes|Note|Example)s?:", lines[0].strip()):
            lines = lines[1:]
            margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
            starts = [index for index, line in enumerate(lines) if len(line) - len(line.lstrip()) == margin]
            for first, last in itertools.pairwise([*starts, len(lines)]):
                yield re.sub(r"^\*{0,2}[\w, *]+: ", "", " ".join(line.strip() for line in lines[first:last]))
        elif not all(line.startswith("    ") for line in lines):
            yield from paragraphs("\n".join(line.strip() for line in lines))
