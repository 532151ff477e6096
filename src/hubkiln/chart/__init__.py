"""What Helm is told: the values that zero-to-jupyterhub's hub needs, and the description of our own chart's."""

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.chart.hub_part import HubPart as HubPart
    from hubkiln.chart.hub_part import hub_values as hub_values
    from hubkiln.chart.hub_part import merged as merged

__all__ = ["HubPart", "hub_values", "merged"]
__getattr__ = lazily(__name__)
