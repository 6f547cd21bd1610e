"""A web application with Authlib and Flask: private_key_jwt, renewal of tokens, sign-out, back-channel logout."""

import os
import secrets
from pathlib import Path
from urllib.parse import urlencode

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from flask import Flask, jsonify, redirect, request, session
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

BASE_URL = os.environ["BASE_URL"]
CLIENT_ID = os.environ["CLIENT_ID"]
PRIVATE_KEY = RSAKey.import_key(Path(os.environ["PRIVATE_KEY_FILE"]).read_text())
SESSIONS = {}  # in production a store that all processes share

app = Flask(__name__)
app.secret_key = secrets.token_bytes(32)
latchkey = OAuth(app).register(
    "latchkey",
    client_id=CLIENT_ID,
    client_secret=PRIVATE_KEY,
    client_auth_methods=[PrivateKeyJWT()],
    server_metadata_url=f"{os.environ['ISSUER']}/.well-known/openid-configuration",
    client_kwargs={
        "scope": "openid profile email offline_access",
        "code_challenge_method": "S256",
        "token_endpoint_auth_method": "private_key_jwt",
    },
)


@app.get("/jwks.json")
def public_keys():
    return jsonify(KeySet([PRIVATE_KEY]).as_dict(private=False))


@app.get("/login")
def login():
    return latchkey.authorize_redirect(f"{BASE_URL}/callback", prompt="consent")


@app.get("/callback")
def callback():
    token = latchkey.authorize_access_token()
    claims = token.pop("userinfo")  # of the ID token, checked
    person = latchkey.userinfo(token=token)
    session.clear()
    session["id"] = secrets.token_urlsafe(32)
    SESSIONS[session["id"]] = {"person": person, "sid": claims["sid"], "token": token}
    return redirect("/me")


@app.get("/me")
def me():
    mine = SESSIONS.get(session.get("id"))
    if mine is None:
        return jsonify(error="not signed in"), 401
    return jsonify({claim: mine["person"].get(claim) for claim in ("sub", "email", "name")})


@app.get("/refresh")
def refresh():
    mine = SESSIONS[session["id"]]
    before = mine["token"]
    renewed = latchkey.fetch_access_token(grant_type="refresh_token", refresh_token=before["refresh_token"])
    mine["token"] = {**before, **renewed}
    person = latchkey.userinfo(token=renewed)
    return jsonify(email=person["email"], renewed=renewed["access_token"] != before["access_token"])


@app.get("/logout")
def logout():
    mine = SESSIONS.pop(session.pop("id", None), None)
    hint = {"id_token_hint": mine["token"]["id_token"]} if mine else {"client_id": CLIENT_ID}
    query = urlencode({**hint, "post_logout_redirect_uri": f"{BASE_URL}/"})
    return redirect(f"{latchkey.load_server_metadata()['end_session_endpoint']}?{query}")


@app.post("/backchannel")
def backchannel():
    metadata = latchkey.load_server_metadata()
    logout_token = request.form["logout_token"]
    try:
        decoded = jwt.decode(logout_token, KeySet.import_key_set(latchkey.fetch_jwk_set()))
    except ValueError:  # signed by a key that is newer than the ones at hand
        decoded = jwt.decode(logout_token, KeySet.import_key_set(latchkey.fetch_jwk_set(force=True)))
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": metadata["issuer"]},
        aud={"essential": True, "value": CLIENT_ID},
        sid={"essential": True},
        events={"essential": True},
    ).validate(decoded.claims)
    if "http://schemas.openid.net/event/backchannel-logout" not in decoded.claims["events"]:
        return "", 400
    for key in [key for key, one in SESSIONS.items() if one["sid"] == decoded.claims["sid"]]:
        del SESSIONS[key]
    return "", 200, {"Cache-Control": "no-store"}


@app.get("/")
def home():
    return '<a href="/login">Sign in</a>'


@app.errorhandler(OAuthError)
def refused(error):
    """Such as access_denied, when the user refuses."""
    return jsonify(error=error.error), 400


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]), threaded=True)
