#!/usr/bin/env python3
"""Ends login sessions at the server that gave them, which `aws logout` alone does not do.

    logout.py https://signin.example.com ~/.aws/login/cache/*.json
    aws logout --all

A cache file holds the refresh token of a session and the key that it is bound to. The request proves that key with a DPoP
proof (RFC 9449). It needs Python 3.8 and the openssl command.
"""
import base64, json, os, secrets, subprocess, sys, time, urllib.error, urllib.request


def openssl(arguments, key, data=b""):
    """Runs openssl with the key, which passes through a pipe and never touches the disk."""
    read, write = os.pipe()
    os.write(write, key.encode())
    os.close(write)
    try:
        return subprocess.run(["openssl"] + [a.replace("KEY", "/dev/fd/%d" % read) for a in arguments],
                              input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=[read], check=True).stdout
    finally:
        os.close(read)


def unpadded(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def raw(der):
    """Turns the ASN.1 of an ECDSA signature into the 64 bytes of JWS (RFC 7518 section 3.4)."""
    out, at = b"", 2
    for _ in "rs":
        end = at + 2 + der[at + 1]
        out, at = out + der[at + 2:end].lstrip(b"\0").rjust(32, b"\0"), end
    return out


def proof(key, url):
    point = openssl(["ec", "-in", "KEY", "-pubout", "-outform", "DER"], key)[-64:]
    jwk = {"kty": "EC", "crv": "P-256", "x": unpadded(point[:32]), "y": unpadded(point[32:])}
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
    claims = {"jti": secrets.token_urlsafe(16), "htm": "POST", "htu": url, "iat": int(time.time())}
    signed = ".".join(unpadded(json.dumps(part).encode()) for part in (header, claims))
    return signed + "." + unpadded(raw(openssl(["dgst", "-sha256", "-sign", "KEY"], key, signed.encode())))


def main(base, files):
    url, failed = base.rstrip("/") + "/v1/revoke", False
    for name in files:
        with open(name) as f:
            login = json.load(f)
        if not login.get("refreshToken", "").startswith("ASOR"):
            print(name + ": not a session of such a server")
            continue
        body = json.dumps({"token": login["refreshToken"], "clientId": login["clientId"]}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json", "DPoP": proof(login["dpopKey"], url)})
        try:
            urllib.request.urlopen(request).close()
            print(name + ": ended")
        except urllib.error.HTTPError as e:
            failed = True
            print("%s: %s" % (name, json.load(e).get("message", e)), file=sys.stderr)
    return failed


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
