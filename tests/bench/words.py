"""The words of the corpus: sentences with gaps, and what fills them. `{#900}` is a number from 1 to 900."""

from __future__ import annotations

TRADES = (
    "Robotics", "Foods", "Energy", "Marine", "Systems", "Pharma", "Airways", "Steel", "Insurance", "Optics",
    "Logistics", "Bank", "Paper", "Semiconductors", "Railways", "Media", "Water", "Textiles", "Mining",
)  # fmt: skip

SOURCES = tuple(
    f"{place} {paper}"
    for place in ("Harbour", "Northern", "Old Bridge", "Meridian", "Lakeside", "Summit")
    for paper in ("Wire", "Ledger", "Courier", "Markets", "Review")
)

TAGS = (
    "earnings", "guidance", "mergers", "regulation", "supply", "labour", "research", "dividends", "energy",
    "credit", "exports", "courts",
)  # fmt: skip

WORDS: dict[str, tuple[str, ...]] = {
    "subject": (
        "the company", "management", "the board", "its largest customer", "the regulator", "a rival bidder",
        "the finance chief", "the new plant", "the sales team", "a group of shareholders", "the union",
        "the supplier", "an independent auditor", "the research unit", "the export business",
    ),
    "verb": (
        "confirmed", "postponed", "welcomed", "questioned", "described", "reviewed", "defended", "published",
        "rejected", "doubled", "measured", "reopened", "explained", "underestimated", "simplified",
    ),
    "object": (
        "the order book", "a second production line", "its forecast for the year", "the terms of the loan",
        "the cost of raw materials", "a programme of savings", "the results of the trial", "its price list",
        "the opening of three branches", "the agreement with the port", "a recall of older models",
        "the dividend policy", "the plan for the northern region", "last year's accounts",
    ),
    "adjective": (
        "cautious", "steady", "unexpected", "modest", "remarkable", "seasonal", "temporary", "broad",
        "uneven", "disciplined", "welcome", "costly",
    ),
    "noun": (
        "demand", "margin", "growth", "inventory", "delivery", "capacity", "borrowing", "staffing", "pricing",
        "investment", "productivity", "turnover",
    ),
    "place": (
        "Lindmark", "Port Aurelia", "Westhaven", "Brackwater", "San Orsino", "Upper Tarn", "Kaldvik",
        "Ostrava Bay", "Millbrook", "Cape Verity",
    ),
    "time": (
        "in the first quarter", "before the summer", "over the past two years", "by the end of March",
        "after the annual meeting", "within eighteen months", "since the merger", "on Tuesday evening",
        "during the strike", "ahead of schedule",
    ),
    "person": (
        "Mara Lindqvist", "Tomas Okafor", "Edith Varga", "Jonah Pell", "Rosalind Achterberg", "Karim Sato",
        "Beatrix Nolan", "Otto Ferreira-Dunn",
    ),
    "quarter": ("Q1 2009", "Q2 2009", "Q3 2009", "Q4 2009"),
}  # fmt: skip

TITLES = (
    "says {subject} {verb} {object}",
    "reports {adjective} {noun} {time}",
    "moves {noun} to {place}",
    "names {person} to lead {noun}",
    "and {subject} agree on {object}",
)

NEWS = (
    "{verb} {object} {time}, while {subject} spoke of {adjective} {noun}.",
    "said {time} that {subject} had {verb} {object}, at a cost of about ${#90}.{#9} million.",
    "reported {adjective} {noun} from {place} and {verb} {object}.",
    "is said to have {verb} {object} once {person} left {place}.",
)

MOVES = (
    "rose {#9}.{#9} % {time} on {adjective} {noun}.",
    "slipped below ${#400} {time}, as {subject} {verb} {object}.",
    "traded {#6} times their usual volume in {place}.",
)

SENTENCES = (
    "In {place}, {subject} {verb} {object} {time}, which few had expected.",
    "{person} said that {noun} had been {adjective}, and that {subject} would decide {time}.",
    "The figures point to {adjective} {noun}: {#60}.{#9} % up on the year, but {#30} % less than planned.",
    "Analysts had thought that {subject} {verb} {object}, but the truth was more {adjective}.",
    "It's too early to say whether {adjective} {noun} will last, {person} wrote in a note to clients.",
    "About {#900} people work on {object} there; {#80} more are to join them {time}.",
    "What matters now is {noun}, because {subject} has already {verb} {object}.",
    "Nobody at the meeting in {place} doubted that {object} would need {adjective} {noun} - and time.",
    "“We have {verb} {object} before,” said {person}, “and {subject} knows it.”",
    "Since {subject} {verb} {object}, {noun} in {place} has cost ${#900} million a year.",
    "If {noun} stays {adjective}, the loan of {#9}.{#9} billion can be repaid {time}.",
    "The rest of the industry, from {place} to {place}, watched with {adjective} interest.",
)

MARKED = (
    "The report on {noun} is [on the company's site](https://example.com/reports/{#9000}) since {#28} May.",
    "That is a **{adjective}** turn: {subject} had *never* {verb} {object} {time}.",
    "Its filing, form `{#12}-K/{#900}`, calls the {noun} _{adjective}_ and the outlook **{adjective}**.",
    'See also [{place}\'s view of {object}](https://example.org/{#9000}/view "A view from {place}").',
    "The rule known as `max_{noun}` limits {object} to **{#90} %**, {person} noted.",
)
