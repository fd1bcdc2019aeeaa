"""As much of `aws` as the demo needs, by AWS's own library botocore, on which the AWS CLI stands:
ENDPOINT SERVICE ACTION [--NAME VALUE]..."""

import json
import pathlib
import sys

import botocore.session
import jmespath


def camel(name):
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))


def value(text):
    prefix = "file://"
    return pathlib.Path(text.removeprefix(prefix)).read_text() if text.startswith(prefix) else text


endpoint, service, action, *options = sys.argv[1:]
options = {name[2:]: value(text) for name, text in zip(options[::2], options[1::2])}
query = options.pop("query", None)
output = options.pop("output", "json")
client = botocore.session.get_session().create_client(
    service,
    region_name="us-east-1",
    endpoint_url=endpoint,
    aws_access_key_id="test",
    aws_secret_access_key="test",
)
response = getattr(client, action.replace("-", "_"))(
    **{camel(name): text for name, text in options.items()}
)
response.pop("ResponseMetadata", None)
if query:
    response = jmespath.search(query, response)
if output == "text":
    print(response if isinstance(response, str) else "\t".join(response))
elif response:
    print(json.dumps(response, indent=2, default=str))
