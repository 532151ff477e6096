"""What `helm test` asks: is the service there, its database, the hub, and does the hub know the token?"""

import json
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

try:
    answer = urlopen(sys.argv[1], timeout=20)
except HTTPError as error:
    answer = error
told = json.load(answer)
for check in told["checks"]:
    print("well" if check["ok"] else "NOT WELL", check["service"], check.get("reason", ""))
sys.exit(0 if told["status"] == "ok" else 1)
