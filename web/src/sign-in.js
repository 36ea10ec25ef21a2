/** @import { Options } from './options.js' */

/**
 * Time before its expiry at which a token is renewed, in milliseconds; with a shorter lifetime, at
 * half of it.
 */
const RENEW_BEFORE = 45_000;

/** Minimum time until a planned renewal, and maximum duration of its timer, in milliseconds. */
const PLANNED_MIN = 5_000;
const PLANNED_MAX = 86_400_000;

/** First and maximum interval between renewals after a refusal, in milliseconds. */
const REFUSED_FIRST = 5_000;
const REFUSED_MAX = 300_000;

/** Time without a refusal after which the backoff starts over, in milliseconds. */
const REFUSED_FORGOTTEN = 60_000;

/** Characters of a token that a WebSocket subprotocol can have (RFC 9110, section 5.6.2). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * @param {string} token  A JSON Web Token (RFC 7519).
 * @returns {{ sub?: unknown, exp?: number, iat?: number }}
 */
export function claims(token) {
  try {
    return JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    return {};
  }
}

/**
 * Returns true if two tokens name different users.
 * @param {string | undefined} before
 * @param {string} after
 */
function isOther(before, after) {
  const [was, is] = [claims(before ?? '').sub, claims(after).sub];
  return was !== undefined && is !== undefined && was !== is;
}

/**
 * Sign-in of a page: a token, a function that returns tokens, a cookie, or the parameters of dev
 * authentication. Keeps `options.token` fresh.
 */
export class SignIn {
  /** @type {Options} */
  #options;
  /** @type {() => void} */
  #renewed;
  /** @type {() => void} */
  #switched;
  /** @type {Promise<boolean> | null} */
  #requesting = null;
  #asked = false;
  /** Reason why `getToken` gave no token, for logs. */
  problem = '';
  #refusedAt = 0;
  #pause = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Options} options
   * @param {() => void} renewed  Called when the token was replaced.
   * @param {() => void} [switched]  Called when it was replaced by one of another user.
   */
  constructor(options, renewed, switched = renewed) {
    this.#options = options;
    this.#renewed = renewed;
    this.#switched = switched;
    options.renew = () => this.refused();
    options.ready = () => this.#ready();
    this.#plan();
  }

  /** True if there is no identity. */
  get isMissing() {
    const { token, getToken, auth, userId } = this.#options;
    return !(token || getToken || auth === 'cookie' || userId);
  }

  /** True if a later attempt may succeed by itself. */
  get mayRecover() {
    return Boolean(this.#options.getToken);
  }

  /**
   * Replaces the token.
   * @param {string} token
   */
  setToken(token) {
    if (!this.#replace(token)) this.#renewed();
  }

  /**
   * Requests a token to connect, if there is none. Returns whether there is an identity.
   */
  async first() {
    return Boolean(this.#options.token || !this.#options.getToken) || this.#request();
  }

  /**
   * Waits for the first token, which a request over HTTP needs as well. Asks for it only if nobody
   * has: the connection asks again. Returns whether there is an identity.
   */
  async #ready() {
    const { token, getToken } = this.#options;
    if (this.isMissing) return false;
    if (token || !getToken) return true;
    return this.#requesting ?? (this.#asked ? false : this.#request());
  }

  /**
   * Requests another token after a refusal, with backoff. Returns whether there is one.
   * @param {string} [token]  Token that the hub does not accept, which it may accept later.
   */
  async refused(token) {
    if (!this.#options.getToken) return false;
    const before = this.#options.token;
    // What was refused is not for another user.
    const isMine = () => !isOther(before, this.#options.token ?? '');
    if (this.#requesting) return (await this.#requesting) && isMine();
    const now = Date.now();
    const since = now - this.#refusedAt;
    if (since < this.#pause) return false;
    this.#pause =
      since > REFUSED_FORGOTTEN + this.#pause
        ? REFUSED_FIRST
        : Math.min(REFUSED_MAX, this.#pause * 2 || REFUSED_FIRST);
    this.#refusedAt = now;
    const renewed = await this.#request();
    const isSame = this.#options.token === token && this.#pause === REFUSED_FIRST;
    return renewed && !isSame && isMine();
  }

  /** Stops renewals. */
  close() {
    clearTimeout(this.#timer);
    this.#options.getToken = undefined;
  }

  #request() {
    const { getToken } = this.#options;
    this.#asked = true;
    this.#requesting ??= (async () => {
      try {
        const token = await getToken?.();
        // Closed in the meantime.
        if (!this.#options.getToken) return false;
        if (!token)
          return this.#fail('getToken returned no token; is the user signed in to the page?');
        if (typeof token !== 'string' || !TOKEN.test(token)) {
          // Not shown: it may contain a valid token.
          return this.#fail(
            'getToken returned something that is not a token; ' +
              'does its endpoint answer 200 with the token alone?',
          );
        }
        this.problem = '';
        this.#replace(token);
        return true;
      } catch (error) {
        return this.#fail('getToken failed; the console says why', error);
      } finally {
        this.#requesting = null;
      }
    })();
    return this.#requesting;
  }

  /**
   * Replaces the token. Returns whether it is one of another user.
   * @param {string} token
   */
  #replace(token) {
    const other = isOther(this.#options.token, token);
    this.#options.token = token;
    this.#plan();
    if (other) this.#switched();
    return other;
  }

  /**
   * Logs why there is no token; once, if it is asked for in vain again and again.
   * @param {string} problem
   * @param {...unknown} more
   */
  #fail(problem, ...more) {
    if (this.problem !== problem) console.warn(`Lonceng: ${problem}`, ...more);
    this.problem = problem;
    return false;
  }

  /** Plans the next renewal. */
  #plan() {
    clearTimeout(this.#timer);
    const { token, getToken } = this.#options;
    const { exp, iat } = token && getToken ? claims(token) : {};
    if (!exp) return;
    const life = iat ? (exp - iat) * 1000 : Infinity;
    const left = exp * 1000 - Date.now();
    // The clock of this machine may be wrong; the lifetime of a token is not.
    const real = left > 0 && left <= life ? left : life;
    if (real === Infinity) return;
    const wait = real > 2 * RENEW_BEFORE ? real - RENEW_BEFORE : real / 2;
    this.#timer = setTimeout(
      () => void this.#renew(),
      Math.min(PLANNED_MAX, Math.max(PLANNED_MIN, wait)),
    );
  }

  async #renew() {
    // The timer may have been cut to its maximum duration.
    const left = (claims(this.#options.token ?? '').exp ?? 0) * 1000 - Date.now();
    const before = this.#options.token;
    if (left > PLANNED_MAX) this.#plan();
    else if (await this.#request()) {
      if (!isOther(before, this.#options.token ?? '')) this.#renewed();
    } else this.#timer = setTimeout(() => void this.#renew(), REFUSED_FIRST);
  }
}
