"""Quality notes are sentences with their figures, in both languages."""

from __future__ import annotations

from datetime import date

from dashboards.i18n import LANGUAGES, translator
from dashboards.price_desk_words import prices_text
from dashboards.price_note_words import money_text, note_text
from pricing.desk.notes import NOTES, QualityNote

_FIGURES = {"day": date(2026, 11, 23), "since": date(2026, 11, 10), "mid": 7200, "usual": 3600, "count": 1, "before": 3000, "after": 3300,
            "observed_ms": 1_764_741_600_000, "quotes": 12, "quoted": 2, "source": "xinfadi", "state": "failing", "why": "does not answer",
            "teller": "broker"}  # fmt: skip


def test_every_note_has_words_in_both_languages() -> None:
    """Each code becomes a sentence, Chinese in 元/斤 and English in CNY/kg, without a hole."""
    for code, figures in NOTES.items():
        note = QualityNote(code, "tomato", "xinfadi", {k: _FIGURES[k] for k in figures})
        chinese, english = (note_text(note, lang, translator(lang)) for lang in LANGUAGES)
        assert chinese != english and "%(" not in chinese + english, code
    aside = QualityNote("set-aside", "tomato", "xinfadi", {k: _FIGURES[k] for k in NOTES["set-aside"]})
    assert "3.60 元/斤" in note_text(aside, "zh-Hans", translator("zh-Hans"))
    assert "7.20 CNY/kg" in note_text(aside, "en", translator("en"))


def test_money_of_elsewhere_is_not_called_yuan() -> None:
    """A price in another currency keeps its currency, per kilogram, in both languages."""
    assert money_text(45_500, "zh-Hans", "TWD") == "45.50 TWD/公斤" and money_text(45_500, "en", "TWD") == "45.50 TWD/kg"
    assert prices_text(3000, 3200, 3600, "zh-Hans") == "1.60 元/斤（1.50–1.80）"
