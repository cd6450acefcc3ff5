// Made from traceability/vocabulary.py by `python -m traceability.kinds_js`: name, EPCIS type, step, roles that may sign it.
export const KINDS = [
  ["certificate", "ObjectEvent", "urn:suhe:bizstep:certifying", ["carrier", "cooperative", "grower", "processor", "retailer"]],
  ["correct", "ObjectEvent", "urn:suhe:bizstep:correcting", ["carrier", "cooperative", "grower", "inspector", "processor", "retailer"]],
  ["harvest", "ObjectEvent", "urn:suhe:bizstep:harvesting", ["cooperative", "grower"]],
  ["input_bought", "ObjectEvent", "urn:suhe:bizstep:input_buying", ["cooperative", "grower"]],
  ["input_used", "ObjectEvent", "urn:suhe:bizstep:input_using", ["cooperative", "grower"]],
  ["inspect", "ObjectEvent", "inspecting", ["cooperative", "inspector", "processor"]],
  ["judge", "ObjectEvent", "urn:suhe:bizstep:judging", ["cooperative", "inspector", "processor"]],
  ["merge", "TransformationEvent", "urn:suhe:bizstep:merging", ["carrier", "cooperative", "grower", "processor", "retailer"]],
  ["pack", "TransformationEvent", "packing", ["carrier", "cooperative", "grower", "processor", "retailer"]],
  ["plant", "ObjectEvent", "urn:suhe:bizstep:planting", ["cooperative", "grower"]],
  ["recall", "ObjectEvent", "urn:suhe:bizstep:recalling", ["cooperative", "county", "grower", "processor"]],
  ["recall_lifted", "ObjectEvent", "urn:suhe:bizstep:recall_lifting", ["cooperative", "county", "grower", "processor"]],
  ["receive", "ObjectEvent", "receiving", ["carrier", "cooperative", "grower", "processor", "retailer"]],
  ["sample", "ObjectEvent", "urn:suhe:bizstep:sampling", ["cooperative", "grower", "inspector", "office", "processor"]],
  ["sell", "ObjectEvent", "retail_selling", ["cooperative", "retailer"]],
  ["sensor_summary", "ObjectEvent", "sensor_reporting", ["carrier", "cooperative", "processor"]],
  ["ship", "ObjectEvent", "shipping", ["carrier", "cooperative", "grower", "processor", "retailer"]],
  ["split", "TransformationEvent", "urn:suhe:bizstep:splitting", ["carrier", "cooperative", "grower", "processor", "retailer"]],
  ["test", "ObjectEvent", "urn:suhe:bizstep:testing", ["cooperative", "inspector", "processor"]],
];
export const PLACED = ["plant", "harvest"];
