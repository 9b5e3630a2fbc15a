"""Numbers with their nouns, for the lines that commands print."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where the number asks for it: `1 rally`, `2 rallies`, `2 replays`."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}es" if noun.endswith("ch") else f"{number} {noun}s"
