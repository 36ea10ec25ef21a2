import { decline, mayAsk } from './acting.js';
import { problemText } from './hub-text.js';
import { askAgain } from './sign-in.js';
import { token } from './token.js';
import { t } from './translations.js';

/** Query parameters of the page: identity for dev authentication. */
const pageQuery = new URLSearchParams(location.search);

/** Error: not signed in, or without the role `admin`. */
export class NotAllowed extends Error {
  /**
   * @param {string} message
   * @param {number} status
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

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

/**
 * Sends a request to the hub. Returns the JSON response and its `ETag`.
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, query?: Record<string, string | undefined>, headers?: Record<string,
 *   string> }} [options]
 * @returns {Promise<{ json: any, etag: string | null }>}
 */
export const call = (method, path, options = {}) => signedIn(() => request(method, path, options));

/**
 * Sends a request of an action. When the session has ended, the sign-in opens in place, and the
 * request is sent again after it.
 * @template T
 * @param {() => Promise<T>} send
 * @returns {Promise<T>}
 */
async function signedIn(send) {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      const isOver = error instanceof NotAllowed && error.status === 401;
      // What the page asks by itself opens nothing.
      if (!isOver || !mayAsk()) throw error;
      if (await askAgain(error.message, enterOnce)) continue;
      decline();
      throw error;
    }
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, query?: Record<string, string | undefined>, headers?: Record<string,
 *   string> }} options
 * @returns {Promise<{ json: any, etag: string | null }>}
 */
async function request(method, path, options) {
  const { url, headers } = buildRequest(path, options.query);
  Object.assign(headers, options.headers);
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  const response = await reach(url, {
    method,
    headers: new Headers(headers),
    body: options.body === undefined ? undefined : JSON.stringify(options.body),
  });
  const json = response.status === 204 ? null : await response.json().catch(() => null);
  return { json: parsed(response.status, json), etag: response.headers.get('etag') };
}

/**
 * Sends a request. Throws in the language of the console if the hub is not reached.
 * @param {URL} url
 * @param {RequestInit} init
 */
async function reach(url, init) {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw new Error(t('The connection to the hub is gone.'), { cause: error });
  }
}

/**
 * Returns the URL and the headers of a request.
 * @param {string} path
 * @param {Record<string, string | undefined>} [query]
 */
function buildRequest(path, query = {}) {
  const url = new URL(path, location.origin);
  const own = token();
  if (!own) {
    for (const name of ['user_id', 'login', 'role']) {
      const value = pageQuery.get(name);
      if (value) url.searchParams.set(name, value);
    }
  }
  for (const [name, value] of Object.entries(query)) if (value) url.searchParams.set(name, value);
  /** @type {Record<string, string>} */
  const headers = own ? { authorization: `Bearer ${own}` } : {};
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
  if (status === 401 || status === 403) throw new NotAllowed(says ?? t('Not allowed.'), status);
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
export const upload = (path, file, type, onProgress) =>
  signedIn(() => sendFile(path, file, type, onProgress));

/**
 * @param {string} path
 * @param {Blob} file
 * @param {string} type
 * @param {(share: number) => void} onProgress
 * @returns {Promise<any>}
 */
function sendFile(path, file, type, onProgress) {
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
 * Caller, as the hub knows it; null before it is known.
 * @type {{ kind: string, user_id: string | null, name?: string | null } | null}
 */
let caller = null;

/** Checks the access of this page and stores the caller, without asking for a sign-in. */
async function enterOnce() {
  caller = (await request('GET', '/api/v1/admin/config', {})).json.caller;
}

/** Checks the access of this page and stores the caller. */
export const enter = () => signedIn(enterOnce);

/**
 * Returns the user ID of the caller: that of the demo page for a developer without one, null for a
 * service.
 * @returns {string | null}
 */
export const me = () => (caller?.kind === 'developer' ? DEVELOPER : (caller?.user_id ?? null));

/** Returns the caller for people; empty for a developer, who has no name. */
export function callerName() {
  if (caller?.kind === 'service') return t('API key {name}', { name: caller.name ?? '' });
  return caller?.name ?? caller?.user_id ?? '';
}

/**
 * @param {string} path
 * @param {Record<string, string | undefined>} [query]
 * @returns {Promise<any>}
 */
export const get = async (path, query) =>
  (await call('GET', `/api/v1/admin/${path}`, { query })).json;
