"""Deploy a market, or verify the one that is there: the library behind ``ape run deploy``.

Addresses follow from the code, the owner and the token alone (CREATE2), so that a deployment that
was interrupted goes on where it stopped, and one that is complete is only verified.
"""

from poco.deployment.categories import (
    STANDARD_CATEGORIES,
    load_categories,
)
from poco.deployment.deployer import Deployment, Step, deploy
from poco.deployment.factory import FACTORY, FACTORY_CODE, predict_address
from poco.deployment.plan import Plan, PlannedContract
from poco.deployment.verification import verify_code

__all__ = [
    "FACTORY",
    "FACTORY_CODE",
    "STANDARD_CATEGORIES",
    "Deployment",
    "Plan",
    "PlannedContract",
    "Step",
    "deploy",
    "load_categories",
    "predict_address",
    "verify_code",
]
