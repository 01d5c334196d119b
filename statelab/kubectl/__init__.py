"""kubectl in Python, on any cluster: the lines a learner writes, where no kubectl is or where none may run.

>>> from statelab.kubectl import Kubectl
>>> from statelab.kubectl.in_process import InProcess
>>> api = InProcess(ControlPlane())
>>> Kubectl(api, api.wait).run(["get", "nodes"]).stdout
"""

from statelab.kubectl.running import Kubectl, Result
from statelab.kubectl.session import Files, FolderFiles, NoFiles, Session, TextFiles

__all__ = ["Files", "FolderFiles", "Kubectl", "NoFiles", "Result", "Session", "TextFiles"]
