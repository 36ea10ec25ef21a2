import { Refused, get } from './api.js';
import { field, h, runAction, split, suggestions } from './dom.js';
import { t } from './translations.js';

/** Number of recipients per request. */
export const TOGETHER = 200;

/** Number of users per page. */
const PAGE = '1000';

/** Number of users who are looked up at a time. */
const LOOKED_UP = 10;

/** @typedef {{ id: unknown, login?: string }} Target */

/**
 * Returns whether the directory has a user.
 * @param {string} id
 */
async function isKnown(id) {
  const { users, next_cursor: next } = await get('directory', { q: id, limit: PAGE });
  if (users.some((/** @type {any} */ user) => user.user_id === id)) return true;
  // The text is a part of very many users.
  return next ? exists(id) : false;
}

/** @param {string} id */
async function exists(id) {
  try {
    await get(`directory/${encodeURIComponent(id)}`);
    return true;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return false;
    throw error;
  }
}

/**
 * Choice of recipients: users by ID, connected users, users with a role, or all users.
 */
export class Recipients {
  kind;
  #users = h('input', { placeholder: 'budi, ani' });
  #role = h('input', { placeholder: 'moderator', list: 'known-roles', autocomplete: 'off' });
  users = field(t('Users'), this.#users, t('IDs, comma-separated.'));
  role = field(t('Role'), this.#role);
  /** Connected users when they were counted. @type {Target[]} */
  #connected = [];
  /** Hubs that did not answer when the connected users were counted. @type {string[]} */
  silent = [];

  constructor() {
    const kinds = [
      ['users', t('these users')],
      ['connected', t('all connected users')],
      ['role', t('all users with a role')],
      ['all', t('all users of the directory')],
    ];
    this.kind = h('select', {}, ...kinds.map(([value, text]) => h('option', { value }, text)));
    void runAction(async () => this.role.append(suggestions('known-roles', await knownRoles())));
  }

  /** Shows the fields of the chosen kind. */
  arrange() {
    this.users.hidden = this.kind.value !== 'users';
    this.role.hidden = this.kind.value !== 'role';
  }

  #ids() {
    return [...new Set(split(this.#users.value))];
  }

  /** Query of the directory for the chosen kind; null if it has no recipients. */
  #query() {
    if (this.kind.value === 'all') return {};
    const with_role = this.#role.value.trim();
    return with_role ? { with_role } : null;
  }

  /**
   * Counts the recipients now. Connected users are those of this count until the next one.
   * @returns {Promise<number>}
   */
  async count() {
    this.silent = [];
    if (this.kind.value === 'users') return this.#ids().length;
    if (this.kind.value === 'connected') {
      const { available_users: users, incomplete } = await get('users');
      [this.#connected, this.silent] = [users, incomplete ?? []];
      return users.length;
    }
    const query = this.#query();
    return query ? (await get('directory', { ...query, limit: '1' })).total_count : 0;
  }

  /**
   * Returns the IDs of recipients who are not in the directory.
   * @returns {Promise<string[]>}
   */
  async unknown() {
    if (this.kind.value !== 'users') return [];
    /** @type {string[]} */
    const unknown = [];
    const ids = this.#ids();
    for (let at = 0; at < ids.length; at += LOOKED_UP) {
      const some = ids.slice(at, at + LOOKED_UP);
      const known = await Promise.all(some.map(isKnown));
      unknown.push(...some.filter((_, index) => !known[index]));
    }
    return unknown;
  }

  /**
   * Returns the recipients in parts for one request each.
   * @returns {AsyncGenerator<Target[]>}
   */
  async *parts() {
    for await (const page of this.#pages())
      for (let at = 0; at < page.length; at += TOGETHER) yield page.slice(at, at + TOGETHER);
  }

  /** @returns {AsyncGenerator<Target[]>} */
  async *#pages() {
    if (this.kind.value === 'users') return yield this.#ids().map((id) => ({ id }));
    if (this.kind.value === 'connected') return yield this.#connected;
    /** @type {string | undefined} */
    let cursor;
    do {
      const page = await get('directory', { ...this.#query(), limit: PAGE, cursor });
      cursor = page.next_cursor ?? undefined;
      yield page.users.map((/** @type {any} */ user) => ({
        id: user.user_id,
        login: user.login ?? undefined,
      }));
    } while (cursor);
  }
}

/**
 * Returns roles to suggest: those of types, and of the first users of the directory.
 * @returns {Promise<string[]>}
 */
export async function knownRoles() {
  const [{ types }, { users }] = await Promise.all([
    get('types'),
    get('directory', { limit: PAGE }),
  ]);
  const ofTypes = types.map((/** @type {any} */ type) => type.target_role).filter(Boolean);
  const ofUsers = users.flatMap((/** @type {any} */ user) => user.roles);
  return [...new Set([...ofTypes, ...ofUsers])].sort();
}
