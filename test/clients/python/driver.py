"""Gets credentials through botocore, asks STS who they are for, and prints one line of JSON about it.

The environment says everything, as it does for a user's program. With the argument "wait" it loads the SDK, prints
"ready", and goes on when a line comes in, so that several processes can begin at one moment.
"""

import json
import sys

import awscrt.crypto  # loaded by the login provider; here, so that "ready" means ready
import botocore.session
from botocore.exceptions import ClientError


def failure(stage, error):
    name = type(error).__name__
    if isinstance(error, ClientError):
        name = error.response["Error"]["Code"]
    return {"ok": False, "stage": stage, "name": name, "message": str(error)}


def run():
    session = botocore.session.get_session()
    if "wait" in sys.argv[1:]:
        print("ready", flush=True)
        sys.stdin.readline()
    try:
        credentials = session.get_credentials().get_frozen_credentials()
    except Exception as error:
        return failure("credentials", error)
    try:
        identity = session.create_client("sts").get_caller_identity()
    except Exception as error:
        return failure("sts", error)
    return {
        "ok": True,
        "accessKeyId": credentials.access_key,
        "arn": identity["Arn"],
        "account": identity["Account"],
    }


print(json.dumps(run()), flush=True)
