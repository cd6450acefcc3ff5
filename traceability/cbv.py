"""The words of CBV 2.0 that an EPCIS document may use bare, as one table of our own: field -> the words and the URI each stands for.

Our own events use few of these (`vocabulary.py`); this table is for reading other people's documents and for the event hash, in which
a bare word and its URI are one thing.
"""

from __future__ import annotations

CBV = "https://ref.gs1.org/cbv/"
GS1 = "https://gs1.org/voc/"

_STEPS = """
accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting decommissioning departing
destroying disassembling dispensing encoding entering_exiting holding inspecting installing killing loading other packing picking
receiving removing repackaging repairing replacing reserving retail_selling sampling sensor_reporting shipping staging_outbound
stock_taking stocking storing transporting unloading unpacking void_shipping
"""
_DISPOSITIONS = """
active available completeness_inferred completeness_verified conformant container_closed container_open damaged destroyed dispensed
disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance mismatch_quantity needs_replacement
no_pedigree_match non_conformant non_sellable_other partially_dispensed recalled reserved retail_sold returned sellable_accessible
sellable_not_accessible stolen unavailable unknown
"""
_TRANSACTIONS = "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt"
_SIDES = "owning_party possessing_party location"
_REASONS = "did_not_occur incorrect_data"
_COMPONENTS = """
x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting northing latitude longitude altitude
"""
_MEASUREMENTS = """
AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance AmountOfSubstancePerUnitVolume Angle
AngularAcceleration AngularMomentum AngularVelocity Area Capacitance Conductance Conductivity Count Density Dimensionless DoseEquivalent
DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force
Frequency Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity
MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate MassPerAreaTime MemoryCapacity
MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux RadiantIntensity Radioactivity RelativeHumidity Resistance
Resistivity SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate
VolumeFraction VolumetricFlux Wavenumber
"""
_ALARMS = "ALARM_CONDITION ERROR_CONDITION"


def _table(prefix: str, words: str) -> dict[str, str]:
    return {word: prefix + word for word in words.split()}


STEPS = _table(CBV + "BizStep-", _STEPS)
DISPOSITIONS = _table(CBV + "Disp-", _DISPOSITIONS)
TRANSACTIONS = _table(CBV + "BTT-", _TRANSACTIONS)
SIDES = _table(CBV + "SDT-", _SIDES)
REASONS = _table(CBV + "ER-", _REASONS)
COMPONENTS = _table(CBV + "Comp-", _COMPONENTS)
MEASUREMENTS = _table(GS1, _MEASUREMENTS)
ALARMS = _table(GS1, _ALARMS)

# The older spelling of the same words, from before there was a web vocabulary.
OLD_URNS = {
    "urn:epcglobal:cbv:bizstep:": CBV + "BizStep-",
    "urn:epcglobal:cbv:disp:": CBV + "Disp-",
    "urn:epcglobal:cbv:btt:": CBV + "BTT-",
    "urn:epcglobal:cbv:sdt:": CBV + "SDT-",
    "urn:epcglobal:cbv:er:": CBV + "ER-",
}
