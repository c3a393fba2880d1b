"""The page's process: `python -m supplier_agent.web`, started by `run` or `page`. It reads its settings from stdin."""

import os
import sys

from supplier_agent.base.process import ended
from supplier_agent.settings.dump import SUPERVISED
from supplier_agent.web.process import serve

if __name__ == "__main__":
    code = ended(lambda: serve(supervised=SUPERVISED in sys.argv[1:], env=os.environ))
    os._exit(code)  # do not wait for threads that still answer a request
