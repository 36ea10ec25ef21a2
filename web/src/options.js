import { claims } from './sign-in.js';

/**
 * Address of the hub, and identity of the user.
 *
 * @typedef {object} Options
 * @property {string} [hub]  URL of the hub; by default the origin of this script, or of the page
 *   with the npm package.
 * @property {string} [token]  Token, sent as a WebSocket subprotocol or in a header, never in a
 *   URL.
 * @property {() => Promise<string>} [getToken]  Returns a token. Called before the first
 *   connection, before a token expires, and when one is refused.
 * @property {'cookie'} [auth]  Authenticates with the session cookie of the hub's site.
 * @property {string} [userId]  Dev authentication: ID of the user.
 * @property {string} [login]  Dev authentication: login name.
 * @property {string} [role]  Dev authentication: role.
 * @property {boolean} [share]  True if the tabs of a browser share one connection, the default.
 * @property {() => Promise<boolean>} [renew]  Set by the client: replaces a refused token.
 * @property {() => Promise<boolean>} [ready]  Set by the client: waits for the first token.
 */

/** Origin of this script. */
export const SCRIPT_ORIGIN = new URL(import.meta.url).origin;

/**
 * Returns the query parameters of dev authentication; none with a token.
 * @param {Options} options
 */
export function identityQuery(options) {
  const query = new URLSearchParams();
  if (options.token || options.auth) return query;
  if (options.userId) query.set('user_id', options.userId);
  if (options.login) query.set('login', options.login);
  if (options.role) query.set('role', options.role);
  return query;
}

/**
 * Returns the URL of the WebSocket.
 * @param {Options} options
 * @param {string | null} since  Position to resume from, as EPOCH.REVISION.
 * @param {string} [path]
 */
export function socketUrl(options, since, path = '/ws') {
  const url = new URL(path, options.hub || SCRIPT_ORIGIN);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const query = identityQuery(options);
  if (since) query.set('since', since);
  url.search = query.toString();
  return url.href;
}

/**
 * Returns the WebSocket subprotocols to offer.
 * @param {Options} options
 */
export function subprotocols(options) {
  return options.token ? ['lonceng.v1', `token.${options.token}`] : ['lonceng.v1'];
}

/**
 * Sends a request to the hub, and again with a renewed token after a 401. Returns the JSON
 * response.
 * @param {Options} options
 * @param {string} method
 * @param {string} path
 * @param {Record<string, string>} [parameters]
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function call(options, method, path, parameters = {}, body) {
  return (await exchange(options, method, path, parameters, body)).answer;
}

/**
 * The same, with the response's `ETag`. An error has the `status` of the response.
 * @param {Options} options
 * @param {string} method
 * @param {string} path
 * @param {Record<string, string>} [parameters]
 * @param {unknown} [body]
 * @param {string | null} [tag]  `ETag` that what is changed must still have.
 */
export async function exchange(options, method, path, parameters = {}, body, tag) {
  if (options.ready && !(await options.ready())) throw new Error('no token');
  const url = new URL(path, options.hub || SCRIPT_ORIGIN);
  const query = identityQuery(options);
  for (const [name, value] of Object.entries(parameters)) query.set(name, value);
  url.search = query.toString();
  let response = await request(options, url, method, body, false, tag);
  if (response.status === 401 && (await options.renew?.()))
    response = await request(options, url, method, body, false, tag);
  const { status } = response;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok)
    throw Object.assign(new Error(answer.detail ?? `the hub answers ${status}`), { status });
  return { answer, tag: response.headers?.get('etag') ?? null };
}

/**
 * Sends one request with the credentials of the options.
 * @param {Options} options
 * @param {URL} url
 * @param {string} method
 * @param {unknown} [body]
 * @param {boolean} [keepalive]  True if the request outlives the page.
 * @param {string | null} [tag]  `ETag` that what is changed must still have.
 */
export function request(options, url, method, body, keepalive = false, tag = null) {
  /** @type {Record<string, string>} */
  const headers = options.token ? { authorization: `Bearer ${options.token}` } : {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (tag) headers['if-match'] = tag;
  return fetch(url, {
    method,
    headers,
    keepalive,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: options.auth === 'cookie' ? 'include' : 'same-origin',
  });
}

/**
 * Returns the URL of a request.
 * @param {Options} options
 * @param {string} path
 */
export function callUrl(options, path) {
  const url = new URL(path, options.hub || SCRIPT_ORIGIN);
  url.search = identityQuery(options).toString();
  return url;
}

/**
 * Returns the name that tabs with the same hub and user share; null if the user is unknown or
 * sharing is off.
 * @param {Options} options
 */
export function shareName(options) {
  if (options.share === false || !navigator.locks || !globalThis.BroadcastChannel) return null;
  // The user of a cookie is unknown to the page.
  if (!options.token && !options.userId) return null;
  let user = JSON.stringify([options.userId, options.login, options.role]);
  if (options.token) {
    const { sub } = claims(options.token);
    if (sub === undefined) return null;
    user = JSON.stringify(['token', sub]);
  }
  return `lonceng ${new URL(options.hub || SCRIPT_ORIGIN).origin} ${user}`;
}
