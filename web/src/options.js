import { claims } from './sign-in.js';

/**
 * How to reach the hub, and as whom.
 *
 * @typedef {object} Options
 * @property {string} [hub]     The hub's address; where this script came from by default.
 * @property {string} [token]   A token; it travels as a WebSocket subprotocol, never in an address.
 * @property {() => Promise<string>} [getToken]  Gets a token: before the first connection, before one ends, and when one is refused.
 * @property {'cookie'} [auth]  The session cookie of the hub's site says who it is.
 * @property {string} [userId]  Dev sign-in: the user's id.
 * @property {string} [login]   Dev sign-in: the name they sign in with.
 * @property {string} [role]    Dev sign-in: a role.
 * @property {boolean} [share]  Whether the tabs of a browser share one connection; true by default.
 * @property {() => Promise<boolean>} [renew]  Set by the client: another token in the place of one that was refused.
 */

/** Where this script came from. */
export const SCRIPT_ORIGIN = new URL(import.meta.url).origin;

/**
 * The dev sign-in as query parameters; nothing with a token.
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
 * The WebSocket's address.
 * @param {Options} options
 * @param {string | null} since  EPOCH.REVISION to resume from
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
 * The subprotocols to offer.
 * @param {Options} options
 */
export function subprotocols(options) {
  return options.token ? ['lonceng.v1', `token.${options.token}`] : ['lonceng.v1'];
}

/**
 * Calls the hub over HTTP.
 * @param {Options} options
 * @param {string} method
 * @param {string} path
 * @param {Record<string, string>} [parameters]
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function call(options, method, path, parameters = {}, body) {
  const url = new URL(path, options.hub || SCRIPT_ORIGIN);
  const query = identityQuery(options);
  for (const [name, value] of Object.entries(parameters)) query.set(name, value);
  url.search = query.toString();
  let response = await request(options, url, method, body);
  if (response.status === 401 && (await options.renew?.())) response = await request(options, url, method, body);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail ?? `the hub answers ${response.status}`);
  return answer;
}

/**
 * Sends one request with the credentials of the options.
 * @param {Options} options
 * @param {URL} url
 * @param {string} method
 * @param {unknown} [body]
 * @param {boolean} [keepalive]  Whether it goes on when the page is left.
 */
export function request(options, url, method, body, keepalive = false) {
  /** @type {Record<string, string>} */
  const headers = options.token ? { authorization: `Bearer ${options.token}` } : {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  return fetch(url, {
    method, headers, keepalive, body: body === undefined ? undefined : JSON.stringify(body),
    credentials: options.auth === 'cookie' ? 'include' : 'same-origin',
  });
}

/** The address of a call. @param {Options} options @param {string} path */
export function callUrl(options, path) {
  const url = new URL(path, options.hub || SCRIPT_ORIGIN);
  url.search = identityQuery(options).toString();
  return url;
}

/**
 * What tabs that may share a connection have in common: the hub and the person; nothing when nobody can tell who it is.
 * @param {Options} options
 */
export function shareName(options) {
  if (options.share === false || !navigator.locks || !globalThis.BroadcastChannel) return null;
  // A cookie says who it is, and this page cannot read it.
  if (!options.token && !options.userId) return null;
  let who = JSON.stringify([options.userId, options.login, options.role]);
  if (options.token) {
    const { sub } = claims(options.token);
    if (sub === undefined) return null;
    who = JSON.stringify(['token', sub]);
  }
  return `lonceng ${new URL(options.hub || SCRIPT_ORIGIN).origin} ${who}`;
}
