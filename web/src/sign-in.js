/** @typedef {import('./options.js').Options} Options */

/** A token is replaced so many milliseconds before it ends, or at half of a life that is shorter than twice that. */
const BEFORE_END = 45_000;

/** Shortest time between two planned renewals, and the longest that a timer is set for, in milliseconds. */
const PLANNED_MIN = 5_000;
const PLANNED_MAX = 86_400_000;

/** Time between two renewals because a token was refused, in milliseconds: the first, and the longest. */
const REFUSED_FIRST = 5_000;
const REFUSED_MAX = 300_000;

/** After so many milliseconds without a refusal the next one counts as the first. */
const REFUSED_FORGOTTEN = 60_000;

/** @param {string} token  A JSON Web Token (RFC 7519). @returns {{ sub?: unknown, exp?: number, iat?: number }} */
export function claims(token) {
  try {
    return JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    return {};
  }
}

/**
 * Sign-in of a page: a token that it sets, a function that gets tokens, a cookie, or the dev parameters. Keeps
 * `options.token` fresh.
 */
export class SignIn {
  /** @type {Options} */
  #options;
  /** @type {() => void} */
  #renewed;
  /** @type {Promise<boolean> | null} */
  #asking = null;
  #refusedAt = 0;
  #pause = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Options} options @param {() => void} renewed  Called when there is another token than before. */
  constructor(options, renewed) {
    this.#options = options;
    this.#renewed = renewed;
    options.renew = () => this.refused();
    this.#plan();
  }

  /** Whether nothing says who the user is. */
  get isMissing() {
    const { token, getToken, auth, userId } = this.#options;
    return !(token || getToken || auth === 'cookie' || userId);
  }

  /** Whether it may work again later, without the page doing anything. */
  get mayRecover() {
    return Boolean(this.#options.getToken);
  }

  /** Uses another token from now on. @param {string} token */
  use(token) {
    this.#options.token = token;
    this.#plan();
    this.#renewed();
  }

  /** Gets a token for the first connection, if there is none. */
  async first() {
    return Boolean(this.#options.token || !this.#options.getToken) || this.#ask();
  }

  /** The hub refused the token. Resolves to whether there is another one; not in a tight loop. */
  async refused() {
    if (!this.#options.getToken) return false;
    if (this.#asking) return this.#asking;
    const now = Date.now();
    const since = now - this.#refusedAt;
    if (since < this.#pause) return false;
    this.#pause = since > REFUSED_FORGOTTEN + this.#pause ? REFUSED_FIRST : Math.min(REFUSED_MAX, this.#pause * 2 || REFUSED_FIRST);
    this.#refusedAt = now;
    return this.#ask();
  }

  /** Ends it. */
  close() {
    clearTimeout(this.#timer);
    this.#options.getToken = undefined;
  }

  #ask() {
    const { getToken } = this.#options;
    this.#asking ??= (async () => {
      try {
        const token = await getToken?.();
        // Closed meanwhile, or nobody is signed in.
        if (!token || !this.#options.getToken) return false;
        this.#options.token = token;
        this.#plan();
        return true;
      } catch (error) {
        console.warn('Lonceng: getToken failed', error);
        return false;
      } finally {
        this.#asking = null;
      }
    })();
    return this.#asking;
  }

  /** Plans the next renewal. */
  #plan() {
    clearTimeout(this.#timer);
    const { token, getToken } = this.#options;
    const { exp, iat } = token && getToken ? claims(token) : {};
    if (!exp) return;
    const life = iat ? (exp - iat) * 1000 : Infinity;
    const left = exp * 1000 - Date.now();
    // The clock of this machine may be wrong; a token's own times are the hub's.
    const real = left > 0 && left <= life ? left : life;
    if (real === Infinity) return;
    const wait = real > 2 * BEFORE_END ? real - BEFORE_END : real / 2;
    this.#timer = setTimeout(() => void this.#renew(), Math.min(PLANNED_MAX, Math.max(PLANNED_MIN, wait)));
  }

  async #renew() {
    // After a long wait in pieces, the end may still be far.
    const left = (claims(this.#options.token ?? '').exp ?? 0) * 1000 - Date.now();
    if (left > PLANNED_MAX) this.#plan();
    else if (await this.#ask()) this.#renewed();
    else this.#timer = setTimeout(() => void this.#renew(), REFUSED_FIRST);
  }
}
