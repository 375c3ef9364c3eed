"""A made-up municipality's school year: lives first, then how schools and authorities tell them.

``simulate`` gives the events in the order in which they are published, and the ledger of what was meant to be true.
Imports nothing of the services: what it expects of the register is its own reading of the law.
"""

from simulator.simulation import simulate

__all__ = ["simulate"]
