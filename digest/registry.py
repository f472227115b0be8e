"""The registry's file, `content/tickers.yaml`: read, checked, and made into a `Registry`."""

from __future__ import annotations

from datetime import date
from itertools import combinations

from digest.characters import clean
from digest.errors import ContentError, Diagnostic, did_you_mean
from digest.notation import EXCHANGES, HOME_EXCHANGES, bare, exchange, parse, slug
from digest.tickers import Alias, Claim, Company, Identity, Registry
from digest.yamldoc import Node, load


def read_registry(text: str, path: str, home: frozenset[str] = HOME_EXCHANGES) -> Registry:
    """The registry that `content/tickers.yaml` describes; `home` names exchanges by any of their names.

    Raises `ContentError` with everything that is wrong.
    """
    reader = _RegistryReader(path, frozenset(map(exchange, home)))
    entries = load(text, path).value
    if isinstance(entries, dict):
        for key, node in entries.items():
            reader.company(key, node)
    reader.compare()
    if reader.findings:
        raise ContentError(reader.findings)
    claims = {
        symbol: tuple(sorted(claims, key=lambda claim: claim.identity.symbol != symbol))
        for symbol, claims in reader.claims.items()
    }
    return Registry(tuple(reader.companies), reader.home, claims)


_COMPANY = ("name", "exchange", "description", "aliases", "from", "until")
_ALIAS = ("symbol", "from", "until")


class _RegistryReader:
    """Turns the file's entries into companies and claims, and gathers what is wrong with them."""

    def __init__(self, path: str, home: frozenset[str]) -> None:
        self.path = path
        self.home = home
        self.findings: list[Diagnostic] = []
        self.companies: list[Company] = []
        self.claims: dict[str, list[Claim]] = {}

    def company(self, key: str, node: Node) -> None:
        """Takes one entry of the file."""
        place = Node(key, node.key_line, node.key_column)
        symbol = self.symbol(place)
        fields = self.fields(node, "name", _COMPANY)
        since, until = self.days(fields)
        aliases = self.aliases(fields, symbol)
        company = Company(
            symbol,
            name=self.text(fields, "name"),
            exchange=self.exchange(fields, key) if symbol else "",
            description=self.text(fields, "description"),
            aliases=tuple(aliases),
            since=since,
            until=until,
            line=place.line,
        )
        if not symbol:
            return
        identity = Identity(symbol, company)
        self.companies.append(company)
        for alias, at in ((Alias(symbol, since, until), place), *aliases.items()):
            claim = Claim(alias.since, alias.until, identity, at.line, at.column)
            self.claims.setdefault(alias.symbol, []).append(claim)

    def aliases(self, fields: dict[str, Node], symbol: str) -> dict[Alias, Node]:
        """The aliases, and where each stands."""
        if "aliases" not in fields:
            return {}
        node = fields["aliases"]
        aliases = {}
        for item in node.value if isinstance(node.value, tuple) else (node,):
            entry = self.fields(item, "symbol", _ALIAS)
            since, until = self.days(entry)
            if "symbol" not in entry:
                hint = "write the symbol, or {symbol: FB, until: 2022-06-09}"
                self.refuse(item, "an alias without its symbol", hint)
                continue
            other, place = self.symbol(entry["symbol"]), entry["symbol"]
            if other == symbol != "":
                hint = "the company's own 'from' and 'until' say when it had its symbol"
                self.refuse(place, f"'{other}' is an alias of itself", hint)
            elif other:
                aliases[Alias(other, since, until)] = place
        return aliases

    def fields(self, node: Node, default: str, known: tuple[str, ...]) -> dict[str, Node]:
        """The entry's fields; a plain text is the default one."""
        if isinstance(node.value, dict):
            for name, value in node.value.items():
                if name not in known:
                    place = Node(name, value.key_line, value.key_column)
                    hint = did_you_mean(name, known) or f"known are {', '.join(known)}"
                    self.refuse(place, f"unknown field '{name}'", hint)
            return node.value
        return {default: node}

    def text(self, fields: dict[str, Node], name: str) -> str:
        """The field's text on one line, or nothing."""
        node = fields.get(name)
        if node is None:
            return ""
        if isinstance(node.value, str):
            return " ".join(clean(node.value).split())
        self.refuse(node, f"the {name} must be text", "write it in quotes if the brackets belong to it")
        return ""

    def symbol(self, node: Node) -> str:
        """The site's form of a symbol, or nothing when it is none."""
        if not isinstance(node.value, str):
            return self.text({"symbol": node}, "symbol")
        try:
            return bare(parse(node.value), self.home)
        except ValueError as error:
            self.refuse(node, str(error))
            return ""

    def exchange(self, fields: dict[str, Node], key: str) -> str:
        """The prefix of the exchange that the symbol or the field names."""
        written = parse(key)
        stated = written.rpartition(":")[0]
        prefix = exchange(self.text(fields, "exchange"))
        if stated and prefix not in ("", stated):
            hint = f"write {stated} or leave it out"
            self.refuse(fields["exchange"], f"'{written}' does not stand on {prefix}", hint)
        elif not stated and prefix and prefix not in self.home:
            near = did_you_mean(prefix, EXCHANGES) if prefix not in EXCHANGES else ""
            hint = near or f"write the symbol as {prefix}:{written}"
            self.refuse(fields["exchange"], f"{prefix} is not one of the site's home exchanges", hint)
        return stated or prefix

    def days(self, fields: dict[str, Node]) -> tuple[str, str]:
        """The first day and the first day after."""
        since, until = self.day(fields, "from"), self.day(fields, "until")
        if since and until and since >= until:
            hint = "'until' is the first day on which it no longer holds"
            self.refuse(fields["until"], f"until {until} is not after from {since}", hint)
        return since, until

    def day(self, fields: dict[str, Node], name: str) -> str:
        """The field's ISO day, or nothing."""
        day = self.text(fields, name)
        try:
            if not day or date.fromisoformat(day).isoformat() == day:
                return day
        except ValueError:
            pass
        self.refuse(fields[name], f"'{day}' is not a day", "write it as 2024-05-17")
        return ""

    def compare(self) -> None:
        """Finds symbols that mean two companies on one day, and companies that would share a page."""
        for symbol, claims in self.claims.items():
            for first, second in combinations(claims, 2):
                one, other = first.identity, second.identity
                if one.symbol != other.symbol and _overlap(first, second):
                    message = f"'{symbol}' means {one.symbol} on the same days (line {first.line})"
                    hint = "give both 'from' and 'until' that do not overlap"
                    self.refuse(Node("", second.line, second.column), message, hint)
        pages: dict[str, Company] = {}
        for company in self.companies:
            first_company = pages.setdefault(slug(company.symbol), company)
            if first_company.symbol == company.symbol and first_company is not company:
                hint = f"remove this or line {first_company.line}"
                self.refuse(Node("", company.line, 1), f"'{company.symbol}' stands here twice", hint)
            elif first_company is not company:
                message = f"'{company.symbol}' and '{first_company.symbol}' would share a page"
                hint = f"make one an alias of the other, which stands on line {first_company.line}"
                self.refuse(Node("", company.line, 1), message, hint)

    def refuse(self, node: Node, message: str, hint: str = "") -> None:
        self.findings.append(Diagnostic(self.path, node.line, node.column, message, hint))


def _overlap(first: Claim, second: Claim) -> bool:
    return (not second.until or first.since < second.until) and (not first.until or second.since < first.until)
