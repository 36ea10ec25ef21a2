import { t } from './words.js';

/** What the address says of who is asking, with dev sign-in. */
const asked = new URLSearchParams(location.search);

/** Where the token is kept, for as long as the tab is open. */
const KEPT = 'lonceng console token';

/** Whoever asks is not signed in, or may not. */
export class NotAllowed extends Error {}

/** What the hub answers when it does not do what it was asked. */
export class Refused extends Error {
  /** @param {string} message @param {number} status @param {any} problem */
  constructor(message, status, problem) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

/** @param {string} token */
export function signIn(token) {
  sessionStorage.setItem(KEPT, token.trim());
}

export function signOut() {
  sessionStorage.removeItem(KEPT);
}

export function isSignedIn() {
  return Boolean(sessionStorage.getItem(KEPT));
}

/**
 * Calls the hub.
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, query?: Record<string, string | undefined>, headers?: Record<string, string> }} [options]
 * @returns {Promise<{ json: any, etag: string | null }>}
 */
export async function call(method, path, options = {}) {
  const { url, headers } = asking(path, options.query);
  Object.assign(headers, options.headers);
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(url, { method, headers, body: options.body === undefined ? undefined : JSON.stringify(options.body) });
  const json = response.status === 204 ? null : await response.json().catch(() => null);
  return { json: checked(response.status, json), etag: response.headers.get('etag') };
}

/** The address and the headers of a call. @param {string} path @param {Record<string, string | undefined>} [query] */
function asking(path, query = {}) {
  const url = new URL(path, location.origin);
  const token = sessionStorage.getItem(KEPT);
  if (!token) {
    for (const name of ['user_id', 'login', 'role']) {
      const value = asked.get(name);
      if (value) url.searchParams.set(name, value);
    }
  }
  for (const [name, value] of Object.entries(query)) if (value) url.searchParams.set(name, value);
  /** @type {Record<string, string>} */
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  return { url, headers };
}

/** An answer, unless it is a refusal. @param {number} status @param {any} json */
function checked(status, json) {
  if (status === 401 || status === 403) throw new NotAllowed(json?.detail ?? t('Not allowed.'));
  if (status < 200 || status > 299) throw new Refused(json?.detail ?? t('The hub answers {status}.', { status }), status, json);
  return json;
}

/**
 * Sends a file, and says how much of it has gone.
 * @param {string} path
 * @param {Blob} file
 * @param {string} type  Its media type.
 * @param {(share: number) => void} went  From 0 to 1.
 * @returns {Promise<any>}
 */
export function upload(path, file, type, went) {
  const { url, headers } = asking(path);
  // fetch cannot say how much of a request has gone.
  const request = new XMLHttpRequest();
  request.open('POST', url);
  request.responseType = 'json';
  for (const [name, value] of Object.entries({ ...headers, 'content-type': type })) request.setRequestHeader(name, value);
  request.upload.onprogress = (event) => went(event.lengthComputable ? event.loaded / event.total : 0);
  return new Promise((resolve, reject) => {
    request.onload = () => {
      try {
        resolve(checked(request.status, request.response));
      } catch (error) {
        reject(error);
      }
    };
    request.onerror = () => reject(new Error(t('The connection to the hub is gone.')));
    request.send(file);
  });
}

/** The administrator of the demo page. */
const DEVELOPER = 'admin';

/** Whose inbox is mine, as the hub says: a developer without a name has that of the demo page, a service none. @type {string | null} */
let mine = null;

/** Whether the hub lets this page in, and as whom. */
export async function enter() {
  const { caller } = await get('config');
  mine = caller.kind === 'developer' ? DEVELOPER : caller.user_id;
}

/** @returns {string | null} */
export const me = () => mine;

/** @param {string} path @param {Record<string, string | undefined>} [query] @returns {Promise<any>} */
export const get = async (path, query) => (await call('GET', `/api/v1/admin/${path}`, { query })).json;
