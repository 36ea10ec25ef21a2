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
 * @param {{ body?: unknown, raw?: Blob, query?: Record<string, string | undefined>, headers?: Record<string, string> }} [options]
 * @returns {Promise<{ json: any, etag: string | null }>}
 */
export async function call(method, path, options = {}) {
  const url = new URL(path, location.origin);
  const token = sessionStorage.getItem(KEPT);
  if (!token) {
    for (const name of ['user_id', 'login', 'role']) {
      const value = asked.get(name);
      if (value) url.searchParams.set(name, value);
    }
  }
  for (const [name, value] of Object.entries(options.query ?? {})) if (value) url.searchParams.set(name, value);
  const headers = { ...options.headers };
  if (token) headers.authorization = `Bearer ${token}`;
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const response = await fetch(url, { method, headers, body });
  const json = response.status === 204 ? null : await response.json().catch(() => null);
  if (response.status === 401 || response.status === 403) throw new NotAllowed(json?.detail ?? 'Not allowed.');
  if (!response.ok) throw new Refused(json?.detail ?? `The hub answers ${response.status}.`, response.status, json);
  return { json, etag: response.headers.get('etag') };
}

/** @param {string} path @param {Record<string, string | undefined>} [query] @returns {Promise<any>} */
export const get = async (path, query) => (await call('GET', `/api/v1/admin/${path}`, { query })).json;
