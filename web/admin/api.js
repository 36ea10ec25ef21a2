import { problemText } from './hub-text.js';
import { t } from './translations.js';

/** Query parameters of the page: identity for dev authentication. */
const pageQuery = new URLSearchParams(location.search);

/** Key of the token in the session storage. */
const TOKEN_KEY = 'lonceng console token';

/** Error: not signed in, or without the role `admin`. */
export class NotAllowed extends Error {}

/** Error response of the hub. */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {number} status
   * @param {any} problem
   */
  constructor(message, status, problem) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

/** @param {string} token */
export function signIn(token) {
  sessionStorage.setItem(TOKEN_KEY, token.trim());
}

export function signOut() {
  sessionStorage.removeItem(TOKEN_KEY);
}

export function isSignedIn() {
  return Boolean(sessionStorage.getItem(TOKEN_KEY));
}

/**
 * Sends a request to the hub. Returns the JSON response and its `ETag`.
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, query?: Record<string, string | undefined>, headers?: Record<string,
 *   string> }} [options]
 * @returns {Promise<{ json: any, etag: string | null }>}
 */
export async function call(method, path, options = {}) {
  const { url, headers } = buildRequest(path, options.query);
  Object.assign(headers, options.headers);
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(url, {
    method,
    headers,
    body: options.body === undefined ? undefined : JSON.stringify(options.body),
  });
  const json = response.status === 204 ? null : await response.json().catch(() => null);
  return { json: parsed(response.status, json), etag: response.headers.get('etag') };
}

/**
 * Returns the URL and the headers of a request.
 * @param {string} path
 * @param {Record<string, string | undefined>} [query]
 */
function buildRequest(path, query = {}) {
  const url = new URL(path, location.origin);
  const token = sessionStorage.getItem(TOKEN_KEY);
  if (!token) {
    for (const name of ['user_id', 'login', 'role']) {
      const value = pageQuery.get(name);
      if (value) url.searchParams.set(name, value);
    }
  }
  for (const [name, value] of Object.entries(query)) if (value) url.searchParams.set(name, value);
  /** @type {Record<string, string>} */
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  return { url, headers };
}

/**
 * Returns the response, or throws its error.
 * @param {number} status
 * @param {any} json
 */
function parsed(status, json) {
  if (status >= 200 && status <= 299) return json;
  const says = json?.detail ? problemText(json) : null;
  if (status === 401 || status === 403) throw new NotAllowed(says ?? t('Not allowed.'));
  throw new Refused(says ?? t('The hub answers {status}.', { status }), status, json);
}

/**
 * Uploads a file and reports the progress.
 * @param {string} path
 * @param {Blob} file
 * @param {string} type  Media type.
 * @param {(share: number) => void} onProgress  Called with the share that is sent, from 0 to 1.
 * @returns {Promise<any>}
 */
export function upload(path, file, type, onProgress) {
  const { url, headers } = buildRequest(path);
  // fetch does not report the progress of an upload.
  const request = new XMLHttpRequest();
  request.open('POST', url);
  request.responseType = 'json';
  for (const [name, value] of Object.entries({ ...headers, 'content-type': type }))
    request.setRequestHeader(name, value);
  request.upload.onprogress = (event) =>
    onProgress(event.lengthComputable ? event.loaded / event.total : 0);
  return new Promise((resolve, reject) => {
    request.onload = () => {
      try {
        resolve(parsed(request.status, request.response));
      } catch (error) {
        reject(error);
      }
    };
    request.onerror = () => reject(new Error(t('The connection to the hub is gone.')));
    request.send(file);
  });
}

/** Administrator of the demo page. */
const DEVELOPER = 'admin';

/**
 * User ID of the caller: that of the demo page for a developer without one, null for a service.
 * @type {string | null}
 */
let callerId = null;

/** Checks the access of this page and stores the caller's user ID. */
export async function enter() {
  const { caller } = await get('config');
  callerId = caller.kind === 'developer' ? DEVELOPER : caller.user_id;
}

/** @returns {string | null} */
export const me = () => callerId;

/**
 * @param {string} path
 * @param {Record<string, string | undefined>} [query]
 * @returns {Promise<any>}
 */
export const get = async (path, query) =>
  (await call('GET', `/api/v1/admin/${path}`, { query })).json;
