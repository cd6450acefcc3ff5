"""`suhe sell`: where a load is worth most today."""

from __future__ import annotations

import json

from foundation.settings import Settings


def run(settings: Settings, product: str, base: str, kg: int, lot: str, *, lang: str, as_json: bool) -> None:
    """Print the ranking."""
    from dashboards.api.selling import ranking_json
    from dashboards.i18n import translator
    from dashboards.selling_view import selling_view
    from foundation.database import open_engine
    from foundation.errors import BadInput
    from suhe.bootstrap import build_services
    from suhe.migrate import migrate

    migrate(open_engine(settings.records_url))
    services = build_services(settings)
    selling = services.logistics.selling
    if lot:
        load = selling.load_of_lot(lot)
        product, base, kg = load.product, load.base, load.kg
    if not (product and base and kg):
        raise BadInput("say what is to be sold", expected="PRODUCT --base BASE --kg KG, or --lot LOT", todo="suhe sell --help")
    ranking = selling.where_to_sell(product, base, kg)
    if as_json:
        print(json.dumps(ranking_json(ranking), ensure_ascii=False, indent=2, default=str))
        return
    v = selling_view(services, ranking, lang, translator(lang))
    print(v.sentence)
    if v.doubt:
        print(v.doubt)
    for m in v.lines:
        print(f"{m.rank}. {m.market:<24} {m.netback:>6} ({m.span}) {v.unit} = {m.price} ({m.price_age}, {m.source})")
        print(f"   - {m.loss} ({m.loss_share}) - {m.fees} - {m.freight} - {m.toll} - {m.packing}; {m.way}; {m.haul}; {m.toll_why}")
    for r in v.refused:
        print(f"-  {r.market:<24} {r.price:>6} {v.unit}, {r.age}: {r.why}")
