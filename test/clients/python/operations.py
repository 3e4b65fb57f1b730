"""Calls operations of the service through botocore's client signin.

It reads one call as a line of JSON, prints what came of it as another, and ends when no more lines come in. A call without
an operation is answered with the names of all that the client has.

Like any program it finds the server in AWS_ENDPOINT_URL_SIGNIN. The operations of the control plane do not look there, so a
handler of botocore's event before-call, which comes before the signature, changes the address of those.
"""

import functools
import json
import os
import sys

import botocore.session
from botocore.exceptions import ClientError

BASE = os.environ["AWS_ENDPOINT_URL_SIGNIN"]
session = botocore.session.get_session()
headers = {}  # of the call that is being made


def replace_host(model, params, **_):
    """Stands in for a resolver of endpoints."""
    if any(p.name == "IsControlPlane" and p.value for p in model.static_context_parameters):
        params["url"] = BASE + params["url_path"]


def add_headers(params, **_):
    params["headers"].update(headers)


@functools.cache
def client_of(access_key, secret_key, session_token):
    client = session.create_client(
        "signin",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=session_token,
    )
    client.meta.events.register("before-call.signin", replace_host)
    client.meta.events.register("before-call.signin", add_headers)
    return client


def make(call):
    global headers
    headers = call.get("headers") or {}
    keys = call.get("credentials") or {}
    client = client_of(keys.get("accessKeyId"), keys.get("secretAccessKey"), keys.get("sessionToken"))
    if not call["operation"]:
        return {"ok": True, "output": client.meta.service_model.operation_names}
    name, given = botocore.xform_name(call["operation"]), call["input"]
    try:
        if call.get("pages"):
            paging = {"PageSize": given.pop("maxResults")} if "maxResults" in given else {}
            output = list(client.get_paginator(name).paginate(PaginationConfig=paging, **given))
        else:
            output = getattr(client, name)(**given)
    except ClientError as error:
        return failed(client, error)
    except Exception as error:
        return {"ok": False, "text": f"{type(error).__name__}: {error}"}
    for page in output if isinstance(output, list) else [output]:
        metadata = page.pop("ResponseMetadata")
    return {"ok": True, "output": output, "requestId": metadata.get("RequestId")}


def failed(client, error):
    """Tells what a program learns of a refusal; exception is empty where the model has none for it."""
    name = type(error).__name__
    modelled = [shape.name for shape in client.meta.service_model.error_shapes]
    return {
        "ok": False,
        "exception": name if name in modelled and isinstance(error, getattr(client.exceptions, name)) else "",
        "code": error.response.get("error", ""),
        "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
        "message": error.response["Error"]["Message"],
        "requestId": error.response["ResponseMetadata"].get("RequestId"),
        "text": str(error),
    }


for line in sys.stdin:
    print(json.dumps(make(json.loads(line))), flush=True)
