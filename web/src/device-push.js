import { SCRIPT_ORIGIN, call } from './options.js';

/** @import { Options } from './options.js' */

/**
 * State of Web Push on this device. `unavailable`: the hub or the browser has no Web Push.
 * `elsewhere`: only pages of the hub's origin can register its service worker. `blocked`: the user
 * has refused the permission.
 *
 * @typedef {'unavailable' | 'elsewhere' | 'blocked' | 'off' | 'on'} DevicePushState
 */

/** Path of the hub's service worker, and its scope: it controls no page of the site. */
const WORKER = '/lonceng-sw.js';

/** Time limit for the browser's push service, in milliseconds. */
const SUBSCRIBE_TIMEOUT = 20_000;

/** Name of the error when the browser's push service refuses, or does not answer. */
export const NO_PUSH_SERVICE = 'NoPushService';

const SUBSCRIPTIONS = '/api/v1/push/subscriptions';

/** Web Push of this browser, for the signed-in user. */
export class DevicePush {
  /** @type {Options} */
  #options;
  /** @type {Promise<string> | null} */
  #key = null;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
  }

  /** Origin of the hub, whose pages can enable Web Push. */
  get origin() {
    return new URL(this.#options.hub || SCRIPT_ORIGIN).origin;
  }

  /**
   * Returns the state, without asking the user.
   * @returns {Promise<DevicePushState>}
   */
  async state() {
    if (!globalThis.PushManager || !navigator.serviceWorker) return 'unavailable';
    const key = await this.#publicKey();
    if (!key) return 'unavailable';
    if (this.origin !== location.origin) return 'elsewhere';
    if (globalThis.Notification.permission === 'denied') return 'blocked';
    const subscription = await this.#subscription();
    // A subscription with an earlier key of the hub receives nothing.
    if (!subscription || keyOf(subscription) !== key) return 'off';
    // The hub may have it for another user of this browser, or not any more.
    return call(this.#options, 'POST', SUBSCRIPTIONS, {}, subscription.toJSON()).then(
      () => 'on',
      () => 'off',
    );
  }

  /**
   * Asks for the permission, and subscribes. To be called in the handler of a click.
   * @returns {Promise<DevicePushState>}
   */
  async enable() {
    if ((await globalThis.Notification.requestPermission()) !== 'granted') return this.state();
    const registration = await navigator.serviceWorker.register(WORKER, { scope: WORKER });
    await activated(registration);
    await (await registration.pushManager.getSubscription())?.unsubscribe();
    const subscription = await subscribe(registration, await this.#publicKey());
    try {
      await call(this.#options, 'POST', SUBSCRIPTIONS, {}, subscription.toJSON());
    } catch (error) {
      await subscription.unsubscribe();
      throw error;
    }
    return 'on';
  }

  /**
   * Unsubscribes.
   * @returns {Promise<DevicePushState>}
   */
  async disable() {
    const subscription = await this.#subscription();
    if (subscription) {
      await subscription.unsubscribe();
      // If this fails, the hub drops the subscription at the next 410 of the push service.
      await call(this.#options, 'DELETE', SUBSCRIPTIONS, {}, subscription.toJSON()).catch(() => {});
    }
    return 'off';
  }

  /** Returns the public key of the hub, requested once; empty if Web Push is off. */
  #publicKey() {
    this.#key ??= call(this.#options, 'GET', '/api/v1/push/key').then(
      ({ public_key }) => public_key,
      () => '',
    );
    return this.#key;
  }

  async #subscription() {
    const registration = await navigator.serviceWorker.getRegistration(WORKER);
    // A worker of the site itself may have subscriptions of another push service.
    const own = registration && new URL(registration.scope).pathname === WORKER;
    return own ? registration.pushManager.getSubscription() : null;
  }
}

/**
 * Subscribes at the browser's push service. Without Internet, Chromium never answers.
 * @param {ServiceWorkerRegistration} registration
 * @param {string} applicationServerKey
 */
async function subscribe({ pushManager }, applicationServerKey) {
  const asked = pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), SUBSCRIBE_TIMEOUT);
  });
  try {
    return /** @type {PushSubscription} */ (await Promise.race([asked, timeout]));
  } catch (cause) {
    // What comes too late is not used.
    asked.then(
      (late) => late.unsubscribe(),
      () => {},
    );
    const error = new Error('the push service of the browser cannot be reached', { cause });
    throw Object.assign(error, { name: NO_PUSH_SERVICE });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Returns the key of a subscription in base64url, as the hub writes it.
 * @param {PushSubscription} subscription
 */
function keyOf({ options }) {
  const bytes = new Uint8Array(options.applicationServerKey ?? []);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/**
 * Waits until a service worker is active; before, it cannot be subscribed.
 * @param {ServiceWorkerRegistration} registration
 */
async function activated(registration) {
  while (!registration.active) {
    const worker = registration.installing ?? registration.waiting;
    if (!worker) throw new Error('the service worker was not installed');
    await new Promise((changed) => worker.addEventListener('statechange', changed, { once: true }));
  }
}
