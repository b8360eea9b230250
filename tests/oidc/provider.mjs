// SPDX-License-Identifier: GPL-3.0-or-later
//
// oidc-provider on a port of the loopback, over TLS.
//
//   node tests/oidc/provider.mjs FOLDER CERTIFICATE KEY
//
// FOLDER is that of tests/oidc/fetch. Prints the issuer's URL, alone in its line, when it can be
// asked. Ends with its standard input. Its clients: "device" and "browser" without a secret,
// "basic" and "post" with the secret "client-secret", in the header and in the form.

import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const [folder, certificate, key] = process.argv.slice(2);
const { default: Provider } =
    await import(resolve(folder, 'node_modules/oidc-provider/lib/index.js'));

const secret = { client_secret: 'client-secret', redirect_uris: [], response_types: [],
                 grant_types: ['client_credentials'] };
const configuration = {
    clients: [
        { client_id: 'device', token_endpoint_auth_method: 'none', redirect_uris: [],
          response_types: [], application_type: 'native',
          grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'] },
        { client_id: 'browser', token_endpoint_auth_method: 'none', application_type: 'native',
          redirect_uris: ['http://127.0.0.1:53682/', 'http://localhost:53682/'],
          response_types: ['code'], grant_types: ['authorization_code', 'refresh_token'] },
        { client_id: 'basic', token_endpoint_auth_method: 'client_secret_basic', ...secret },
        { client_id: 'post', token_endpoint_auth_method: 'client_secret_post', ...secret },
    ],
    scopes: ['openid', 'offline_access', 'mail'],
    features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: true },
        deviceFlow: { enabled: true },
        introspection: { enabled: true },
        revocation: { enabled: true },
    },
    cookies: { keys: ['a key of the tests'] },
    // A refresh token that comes a second time takes all of its family with it.
    rotateRefreshToken: true,
};

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) });
server.listen(0, '127.0.0.1', () => {
    const issuer = `https://127.0.0.1:${server.address().port}`;
    const provider = new Provider(issuer, configuration);
    server.on('request', provider.callback());
    console.log(issuer);
});
process.stdin.on('end', () => process.exit(0)).resume();
