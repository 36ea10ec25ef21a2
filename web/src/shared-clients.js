import { Client } from './client.js';
import { SCRIPT_ORIGIN } from './options.js';
import { claims } from './sign-in.js';

/** @import { Options } from './options.js' */

/**
 * Live inbox that elements of a page share.
 *
 * @typedef {object} SharedClient
 * @property {string | null} key  Identity; null for a live inbox that belongs to the page.
 * @property {string | undefined} token
 * @property {Client} client
 * @property {Set<object>} users  Elements that use it.
 */

/** Live inboxes of this page by identity. @type {Map<string, SharedClient>} */
const clients = new Map();

/** Live inboxes that pages have set. @type {WeakMap<Client, SharedClient>} */
const given = new WeakMap();

/** Numbers of the functions that return tokens. @type {WeakMap<object, number>} */
const functions = new WeakMap();
let lastFunction = 0;

/** @param {() => Promise<string>} getToken */
function numberOf(getToken) {
  const known = functions.get(getToken);
  if (known) return known;
  functions.set(getToken, (lastFunction += 1));
  return lastFunction;
}

/**
 * Returns the identity of options: elements with the same one share a live inbox.
 * @param {Options} options
 */
function identityOf({ hub, token, getToken, auth, userId, login, role }) {
  const user = token ? (claims(token).sub ?? token) : undefined;
  const asked = getToken && numberOf(getToken);
  return JSON.stringify([hub ?? SCRIPT_ORIGIN, user, asked, auth, userId, login, role]);
}

/**
 * Returns the live inbox of an identity, which is created for its first element. Another token of
 * the same user keeps the inbox.
 * @param {Options} options
 * @param {object} user  Element that uses it.
 */
export function acquire(options, user) {
  const key = identityOf(options);
  let shared = clients.get(key);
  const { token } = options;
  // An inbox that has waited in vain for an identity starts over: this element may get one.
  if (shared?.client.signIn.isMissing && !shared.client.mayShow) shared = undefined;
  if (shared && token && token !== shared.token) {
    // An inbox whose sign-in has ended starts over.
    if (shared.client.mayShow) shared.client.useToken(token);
    else shared = undefined;
  }
  shared ??= { key, token, client: new Client(options), users: new Set() };
  shared.token = token;
  shared.users.add(user);
  clients.set(key, shared);
  return shared;
}

/**
 * Returns a live inbox that the page has set, and closes itself.
 * @param {Client} client
 * @param {object} user  Element that uses it.
 */
export function adopt(client, user) {
  const shared = given.get(client) ?? { key: null, token: undefined, client, users: new Set() };
  given.set(client, shared);
  shared.users.add(user);
  return shared;
}

/**
 * Gives a live inbox back, which is closed after its last element.
 * @param {SharedClient} shared
 * @param {object} user
 */
export function release(shared, user) {
  shared.users.delete(user);
  if (shared.users.size > 0 || shared.key === null) return;
  shared.client.close();
  if (clients.get(shared.key) === shared) clients.delete(shared.key);
}
