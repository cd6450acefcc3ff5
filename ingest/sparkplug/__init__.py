"""Sparkplug B as a host hears it: nodes with their births and aliases, the host without a network, and its way into the intake."""
