# SPDX-License-Identifier: MIT
"""Foreign JOSE implementations accept our tokens, and refuse what is not one."""

import base64
import json
import os
import subprocess
import tempfile
import time
import unittest

import jwt

MAKE_TOKEN = os.path.join(os.environ.get('MT_BUILD_ROOT', 'build'), 'tests', 'make-token')


def make(now=None):
    out = subprocess.run([MAKE_TOKEN, str(int(now or time.time()))],
                         check=True, capture_output=True)
    made = json.loads(out.stdout)
    return made['token'], made['jwks']


def flip(token, part):
    """Changes one byte of a part (0 header, 1 payload, 2 signature) and stays base64url."""
    parts = token.split('.')
    raw = bytearray(base64.urlsafe_b64decode(parts[part] + '=' * (-len(parts[part]) % 4)))
    raw[len(raw) // 2] ^= 1
    parts[part] = base64.urlsafe_b64encode(raw).decode().rstrip('=')
    return '.'.join(parts)


class PyJwt(unittest.TestCase):
    def decode(self, token, jwks, **more):
        key = jwt.PyJWKSet.from_dict(jwks)[jwt.get_unverified_header(token)['kid']]
        options = {'require': ['iss', 'sub', 'aud', 'iat', 'exp', 'jti']}
        return jwt.decode(token, key.key, algorithms=['ES256'], options=options,
                          **{'audience': 'uid:1000', **more})

    def test_a_fresh_token_is_accepted_with_all_its_claims(self):
        token, jwks = make()
        claims = self.decode(token, jwks, issuer='urn:mailtrust:0123456789abcdef')
        self.assertEqual(jwt.get_unverified_header(token)['typ'], 'mailtrust-verdict+jwt')
        self.assertEqual(claims['mt_decision'], 'allow')
        self.assertIs(claims['mt_conf'], True)
        self.assertEqual(claims['mt_rsn'], ['cert.pkix-valid', 'conf.met'])
        self.assertEqual(claims['mt_cb']['type'], 'exporter')
        self.assertEqual(claims['exp'] - claims['iat'], 60)

    def test_another_audience_is_refused(self):
        with self.assertRaises(jwt.InvalidAudienceError):
            self.decode(*make(), audience='uid:1001')

    def test_an_expired_token_is_refused(self):
        with self.assertRaises(jwt.ExpiredSignatureError):
            self.decode(*make(time.time() - 120))

    def test_a_changed_byte_is_refused(self):
        token, jwks = make()
        for part in (1, 2):
            with self.subTest(part=part), self.assertRaises(jwt.InvalidTokenError):
                self.decode(flip(token, part), jwks)

    def test_another_machines_key_is_refused(self):
        token, _ = make()
        _, other = make()
        other['keys'][0]['kid'] = jwt.get_unverified_header(token)['kid']
        with self.assertRaises(jwt.InvalidSignatureError):
            self.decode(token, other)


class Jose(unittest.TestCase):
    def jose(self, *args, stdin=''):
        return subprocess.run(['jose', *args], input=stdin, capture_output=True, text=True)

    def verify(self, token, jwks):
        with tempfile.NamedTemporaryFile('w', suffix='.jwks') as keys:
            json.dump(jwks, keys)
            keys.flush()
            return self.jose('jws', 'ver', '-i', '-', '-k', keys.name, '-O', '-', stdin=token)

    def test_a_fresh_token_is_accepted(self):
        result = self.verify(*make())
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)['aud'], ['uid:1000'])

    def test_a_changed_byte_is_refused(self):
        token, jwks = make()
        for part in (1, 2):
            with self.subTest(part=part):
                self.assertNotEqual(self.verify(flip(token, part), jwks).returncode, 0)

    def test_the_kid_is_the_thumbprint_jose_computes(self):
        token, jwks = make()
        result = self.jose('jwk', 'thp', '-i', '-', stdin=json.dumps(jwks['keys'][0]))
        self.assertEqual(result.stdout.strip(), jwt.get_unverified_header(token)['kid'])

    def test_the_set_holds_public_members_only(self):
        _, jwks = make()
        public = self.jose('jwk', 'pub', '-i', '-', '-o', '-', stdin=json.dumps(jwks['keys'][0]))
        self.assertEqual(json.loads(public.stdout), jwks['keys'][0])


if __name__ == '__main__':
    unittest.main()
