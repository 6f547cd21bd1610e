"""An identity provider with pysaml2 and xmlsec1. Keys, people and the metadata of others are read at each request."""

import json
import os
import secrets
from functools import partial, partialmethod
from html import escape
from pathlib import Path

from flask import Flask, Response, redirect, request, session
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, entity
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.s_utils import success_status_factory
from saml2.saml import (
    NAMEID_FORMAT_EMAILADDRESS,
    NAMEID_FORMAT_PERSISTENT,
    NAMEID_FORMAT_TRANSIENT,
    NameID,
    name_id_from_string,
)
from saml2.server import Server
from saml2.sigver import SecurityContext

BASE_URL, FOLDER = os.environ["BASE_URL"], Path(os.environ["FOLDER"])
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
AES_256_GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
# The library encrypts with Triple DES, and has no setting for another algorithm.
entity.pre_encryption_part = partial(entity.pre_encryption_part, msg_enc=AES_256_GCM)
SecurityContext.encrypt_assertion = partialmethod(SecurityContext.encrypt_assertion, key_type="aes-256")

STAYS = {}  # who is signed in where, by the session of the browser

app = Flask(__name__)
app.secret_key = secrets.token_bytes(32)
app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="None")


def settings():
    return json.loads((FOLDER / "settings.json").read_text())


def provider():
    wanted = settings()
    key, certificate = str(FOLDER / wanted["key"]), str(FOLDER / wanted["certificate"])
    remote = [str(path) for path in (FOLDER / "remote").glob("*.xml")]
    config = IdPConfig().load(
        {
            "entityid": f"{BASE_URL}/metadata",
            "service": {
                "idp": {
                    "endpoints": {
                        "single_sign_on_service": [
                            (f"{BASE_URL}/sso", BINDING_HTTP_REDIRECT),
                            (f"{BASE_URL}/sso", BINDING_HTTP_POST),
                        ],
                        "single_logout_service": [
                            (f"{BASE_URL}/slo", BINDING_HTTP_REDIRECT),
                            (f"{BASE_URL}/slo", BINDING_HTTP_POST),
                        ],
                    },
                    "name_id_format": [NAMEID_FORMAT_EMAILADDRESS, NAMEID_FORMAT_PERSISTENT, NAMEID_FORMAT_TRANSIENT],
                    "sign_response": wanted.get("sign_response", True),
                    "sign_assertion": wanted.get("sign_assertion", True),
                    "policy": {"default": {"attribute_restrictions": None, "lifetime": {"minutes": 5}}},
                }
            },
            "key_file": key,
            "cert_file": certificate,
            "additional_cert_files": [str(FOLDER / each) for each in wanted.get("more_certificates", [])],
            "encryption_keypairs": [{"key_file": key, "cert_file": certificate}],
            "metadata": {"local": remote} if remote else {},
            "xmlsec_binary": "/usr/bin/xmlsec1",
            "signing_algorithm": RSA_SHA256,
            "digest_algorithm": SHA256,
        }
    )
    return Server(config=config, cache={})


def sent(server, binding, text, destination, relay_state="", is_answer=True):
    """What carries a message: a redirect, signed in its query, or a form that sends itself."""
    signed = {} if binding == BINDING_HTTP_POST else {"sign": True, "sigalg": RSA_SHA256}
    arguments = server.apply_binding(binding, str(text), destination, relay_state, response=is_answer, **signed)
    location = dict(arguments["headers"]).get("Location")
    return redirect(location, 303) if location else Response(arguments["data"], mimetype="text/html")


def message(field):
    binding = BINDING_HTTP_POST if request.method == "POST" else BINDING_HTTP_REDIRECT
    return request.values[field], binding


@app.get("/metadata")
def metadata():
    return Response(str(entity_descriptor(provider().config)), mimetype="application/samlmetadata+xml")


@app.route("/sso", methods=["GET", "POST"])
def sso():
    text, binding = message("SAMLRequest")
    session["asked"] = {"text": text, "binding": binding, "relay_state": request.values.get("RelayState", "")}
    asked = provider().parse_authn_request(text, binding).message
    if asked.force_authn == "true" or session.get("id") not in STAYS:
        return (
            '<form method="post" action="/login"><input name="username"><input type="password" name="password">'
            '<button type="submit">Sign in</button></form>'
        )
    return respond()


@app.post("/login")
def login():
    person = settings()["people"].get(request.form["username"])
    if person is None or person["password"] != request.form["password"]:
        return "Wrong password", 403
    session["id"] = secrets.token_urlsafe(32)
    STAYS[session["id"]] = {"username": request.form["username"], "services": {}}
    return respond()


def respond():
    server, wanted, asked = provider(), settings(), session["asked"]
    stay = STAYS[session["id"]]
    attributes = wanted["people"][stay["username"]]["attributes"]
    question = server.parse_authn_request(asked["text"], asked["binding"]).message
    service = question.issuer.text.strip()
    policy = question.name_id_policy
    format_ = policy.format if policy is not None and policy.format else NAMEID_FORMAT_PERSISTENT
    values = {NAMEID_FORMAT_EMAILADDRESS: attributes["mail"][0], NAMEID_FORMAT_TRANSIENT: secrets.token_hex(16)}
    qualified = {"name_qualifier": f"{BASE_URL}/metadata", "sp_name_qualifier": service}
    name_id = NameID(format=format_, **qualified, text=values.get(format_, f"p-{stay['username']}"))
    endpoint = server.response_args(question, [BINDING_HTTP_POST])
    response = server.create_authn_response(
        attributes,
        in_response_to=question.id,
        destination=endpoint["destination"],
        sp_entity_id=service,
        name_id=name_id,
        authn={"class_ref": PASSWORD, "authn_auth": BASE_URL},
        encrypt_assertion=wanted.get("encrypt", False),
        sign_response=wanted.get("sign_response", True),
        sign_assertion=wanted.get("sign_assertion", True),
        sign_alg=RSA_SHA256,
        digest_alg=SHA256,
    )
    statements = server.session_db.get_authn_statements(name_id)
    stay["services"][service] = {"name_id": str(name_id), "index": statements[-1][0].session_index}
    return sent(server, BINDING_HTTP_POST, response, endpoint["destination"], asked["relay_state"])


@app.route("/slo", methods=["GET", "POST"])
def slo():
    server = provider()
    if "SAMLResponse" in request.values:
        text, binding = message("SAMLResponse")
        server.parse_logout_request_response(text, binding)
        return next_service(server)
    text, binding = message("SAMLRequest")
    signed = {"sigalg": request.args.get("SigAlg"), "signature": request.args.get("Signature")}
    question = server.parse_logout_request(text, binding, relay_state=request.values.get("RelayState"), **signed).message
    STAYS.pop(session.pop("id", None), None)
    bindings = [BINDING_HTTP_REDIRECT, BINDING_HTTP_POST]
    endpoint = server.response_args(question, bindings)
    binding = endpoint["binding"]
    answer = server.create_logout_response(
        question, bindings, success_status_factory(), sign=binding == BINDING_HTTP_POST, sign_alg=RSA_SHA256, digest_alg=SHA256
    )
    return sent(server, binding, answer, endpoint["destination"], request.values.get("RelayState", ""))


@app.get("/logout")
def logout():
    """Signs out here, and at each service in turn."""
    stay = STAYS.pop(session.pop("id", None), {"services": {}})
    session["waiting"] = list(stay["services"].items())
    return next_service(provider())


def next_service(server):
    waiting = session.get("waiting", [])
    if not waiting:
        return "Signed out"
    service, stay = waiting[0]
    session["waiting"] = waiting[1:]
    binding, destination = server.pick_binding(
        "single_logout_service", [BINDING_HTTP_REDIRECT, BINDING_HTTP_POST], "spsso", entity_id=service
    )
    _, question = server.create_logout_request(
        destination,
        service,
        name_id=name_id_from_string(stay["name_id"]),
        session_indexes=[stay["index"]],
        sign=binding == BINDING_HTTP_POST,
        sign_alg=RSA_SHA256,
        digest_alg=SHA256,
    )
    return sent(server, binding, question, destination, is_answer=False)


@app.errorhandler(Exception)
def failed(error):
    app.logger.exception("failed")
    return f"Refused: {escape(repr(error))}", 403


app.run(host="127.0.0.1", port=int(os.environ["PORT"]), ssl_context=(os.environ["TLS_CERTIFICATE"], os.environ["TLS_KEY"]))
