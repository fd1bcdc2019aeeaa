"""As much of `aws` as the demo needs, by AWS's own library botocore, on which the AWS CLI stands:
ENDPOINT SERVICE ACTION [--NAME VALUE]..."""

import json
import sys

import botocore.session


def camel(name):
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))


endpoint, service, action, *options = sys.argv[1:]
client = botocore.session.get_session().create_client(
    service,
    region_name="us-east-1",
    endpoint_url=endpoint,
    aws_access_key_id="test",
    aws_secret_access_key="test",
)
parameters = {camel(name[2:]): value for name, value in zip(options[::2], options[1::2])}
answer = getattr(client, action.replace("-", "_"))(**parameters)
answer.pop("ResponseMetadata", None)
if answer:
    print(json.dumps(answer, indent=2, default=str))
