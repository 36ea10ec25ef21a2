import { socketUrl, shareName } from './options.js';
import { CatchUp } from './catch-up.js';
import { Inbox } from './inbox.js';
import { Link } from './link.js';
import { watchVisit } from './page-visit.js';
import { PendingMarks } from './pending-marks.js';
import { requestChanges, sendMarks } from './polling.js';
import { Tabs } from './tabs.js';

/** @import { Options } from './options.js' */
/** @import { InboxApi } from './inbox-api.js' */
/** @import { Status } from './link.js' */
/** @import { MarkMessage } from './pending-marks.js' */
/** @import { SignIn } from './sign-in.js' */

/** Delay before `getToken` is called again after it returned none, in milliseconds. */
const TOKEN_RETRY_AFTER = 5_000;

/**
 * Time to wait for an identity, in milliseconds: pages often set `getToken` a moment after the
 * element is connected.
 */
const IDENTITY_WAIT = 1_000;

/** Reason of the status without an identity. */
const NO_IDENTITY = 'no identity: set the attribute token, the property getToken, or auth="cookie"';

/**
 * Synchronization of an inbox with the hub, through this tab's connection or that of the leading
 * tab. Fires the events of `Client` on its target.
 */
export class InboxSync {
  inbox = new Inbox();
  /** @type {Status} */
  status = 'connecting';
  reason = '';
  #options;
  #api;
  #signIn;
  #target;
  /** @type {Tabs | undefined} */
  #tabs;
  #closed = false;
  /** True while the page is in the back/forward cache. */
  #left = false;
  #endVisit = watchVisit(
    () => this.#leave(),
    () => this.#comeBack(),
  );
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /**
   * Connection, in the leading tab.
   * @type {Link | null}
   */
  #link = null;
  /** True if the hub refuses the credentials of this tab; those of another tab may be valid. */
  #refused = false;
  #pending = new PendingMarks();
  #catchUp = new CatchUp(
    () => this.#requestChanges(),
    () => this.#sendPending(),
  );

  /**
   * @param {Options} options
   * @param {InboxApi} api
   * @param {SignIn} signIn
   * @param {EventTarget} target  Receiver of the events.
   */
  constructor(options, api, signIn, target) {
    this.#options = options;
    this.#api = api;
    this.#signIn = signIn;
    this.#target = target;
    void this.#start();
  }

  /** True if the list may be shown: the user is signed in. */
  get mayShow() {
    return this.status !== 'unauthorized' && this.status !== 'forbidden';
  }

  /** True if this tab holds the connection that the browser's tabs share. */
  get leads() {
    return Boolean(this.#tabs?.leads);
  }

  /**
   * Returns true in one of the tabs that ask with the same key.
   * @param {string} key
   */
  claims(key) {
    return this.#tabs?.claims(key) ?? true;
  }

  /** Connects, or connects again, with another token. */
  renew() {
    if (!this.#tabs) void this.#start();
    else if (!this.#refused) this.#link?.renew();
    else {
      this.#refused = false;
      this.#tabs.queue();
    }
  }

  /** Starts over for another user. */
  startOver() {
    this.#disconnect();
    this.#pending = new PendingMarks();
    this.#api.forget();
    this.inbox.forget();
    this.#setStatus('connecting', '');
    this.changed();
    void this.#start();
  }

  /** Closes the connection. */
  close() {
    this.#closed = true;
    this.#endVisit();
    this.#disconnect();
  }

  /** Closes the connection, or hands it over to another tab: the page is left. */
  #leave() {
    this.#left = true;
    this.#disconnect();
    this.#pending.connectionLost();
    if (this.mayShow) this.#setStatus('connecting', '');
  }

  /** Connects again, and catches up: the page is back from the back/forward cache. */
  #comeBack() {
    this.#left = false;
    void this.#start();
  }

  #disconnect() {
    clearTimeout(this.#retry);
    this.#catchUp.close();
    this.#link?.close();
    this.#link = null;
    this.#tabs?.close();
    this.#tabs = undefined;
    this.#refused = false;
  }

  /**
   * Sends a mark, and again after a disconnect, until it is acknowledged.
   * @param {MarkMessage} message
   */
  mark(message) {
    this.#pending.add(message);
    this.#send(message);
    this.changed();
  }

  /** Fires `change`. */
  changed() {
    this.#target.dispatchEvent(new Event('change'));
  }

  /** Starts when there is an identity. */
  async #start() {
    if (this.#closed || this.#left) return;
    clearTimeout(this.#retry);
    if (this.#signIn.isMissing) {
      const missing = () => this.#setStatus('unauthorized', NO_IDENTITY);
      this.#retry = setTimeout(missing, IDENTITY_WAIT);
      return;
    }
    const signedIn = await this.#signIn.first();
    // A token that was set in the meantime has started it.
    if (this.#closed || this.#left || this.#tabs) return;
    clearTimeout(this.#retry);
    if (!signedIn) {
      this.#setStatus('unauthorized', this.#signIn.problem);
      this.#retry = setTimeout(() => void this.#start(), TOKEN_RETRY_AFTER);
      return;
    }
    this.#setStatus('connecting', '');
    this.#tabs = new Tabs(
      shareName(this.#options),
      () => this.#lead(),
      (message) => this.#onTabMessage(message),
    );
    // The leading tab replies with its snapshot.
    this.#tabs.send({ requestSnapshot: true });
  }

  #lead() {
    const report = (/** @type {Status} */ status, /** @type {string} */ reason) => {
      this.#pending.connectionLost();
      this.#setStatus(status, reason);
      // This tab's credentials are refused; another tab's may be valid.
      if (!this.mayShow && !this.#signIn.mayRecover && this.#options.auth !== 'cookie')
        this.#yieldLead();
      else this.#tabs?.send({ status, reason });
    };
    // Every tab sees the next `online` as a change, and sends its pending marks.
    report('connecting', '');
    const link = new Link(this.#options, {
      address: () => socketUrl(this.#options, this.inbox.position),
      welcome: 'connected',
      onMessage: (message) => this.#onHubMessage(message),
      onStatus: report,
      poll: () => this.#poll(),
      probe: ['GET', '/api/v1/notifications/unread-count'],
      signIn: this.#signIn,
    });
    // A malformed address is refused at once.
    if (this.#refused) link.close();
    else this.#link = link;
  }

  /** Sends pending marks, also those of other tabs, and requests changes, over HTTP. */
  async #poll() {
    const link = this.#link;
    // Before, so that what the hub answers has the marks.
    await sendMarks(this.#api, this.#pending.all, (key, isRefused) => {
      if (link !== this.#link) return false;
      if (isRefused) this.#onRefused(key);
      else this.#pending.remove(key);
      this.#tabs?.send(isRefused ? { removed: key } : { stored: key });
      return true;
    });
    await requestChanges(this.#api, this.inbox.position, (page) => {
      // A connection that opened in the meantime has newer changes.
      if (this.status === 'online' || link !== this.#link) return false;
      this.#onHubMessage({ type: 'polled', data: page });
      return true;
    });
  }

  #yieldLead() {
    this.#refused = true;
    this.#link?.close();
    this.#link = null;
    this.#tabs?.yield();
  }

  /**
   * Handles a message of the hub, in the leading tab.
   * @param {any} message
   */
  #onHubMessage(message) {
    if (['sync.response', 'reset', 'connected'].includes(message.type)) this.#catchUp.done();
    if (message.type === 'error') {
      this.#catchUp.failed();
      this.#onError(message.data.code);
      return;
    }
    // Other tabs may lack what precedes a partial answer: they get the resulting snapshot.
    const whole = ['sync.response', 'polled'].includes(message.type);
    if (!whole) this.#tabs?.send({ message });
    this.#apply(message);
    if (message.type === 'connected') this.#onRenewed();
    if (whole) this.#tabs?.send({ snapshot: this.inbox.snapshot });
  }

  /**
   * Handles a message of another tab.
   * @param {any} message
   */
  #onTabMessage(message) {
    if (this.#tabs?.leads) {
      // Without a connection, this tab sends it with the next request over HTTP.
      if (message.send && !this.#sendOverLink(message.send)) this.#pending.add(message.send);
      if (message.requestSnapshot && this.inbox.revision >= 0) {
        this.#tabs.send({ snapshot: this.inbox.snapshot });
        this.#tabs.send({ status: this.status, reason: this.reason });
      }
      return;
    }
    if (message.snapshot) {
      this.#catchUp.done();
      this.inbox.adopt(message.snapshot);
      this.changed();
    }
    if (message.removed) this.#onRefused(message.removed);
    if (message.stored) this.#pending.remove(message.stored);
    if (message.retry) this.#catchUp.retryLater();
    if (['connected', 'reset'].includes(message.message?.type)) this.#catchUp.done();
    if (message.message) {
      // Without a snapshot the message would leave a gap.
      if (this.inbox.revision < 0) this.#catchUp.request();
      else this.#apply(message.message);
      if (message.message.type === 'connected') this.#onRenewed();
    }
    if (message.status) this.#onTabStatus(message.status, message.reason ?? '');
  }

  /**
   * Handles the status of the leading tab.
   * @param {Status} status
   * @param {string} reason
   */
  #onTabStatus(status, reason) {
    if (this.#refused) {
      // A tab that only tries its credentials says nothing about those of this tab.
      if (status !== 'online') return;
      this.#refused = false;
      // It leads again when that tab is closed, and finds out whether it may connect.
      this.#tabs?.queue();
      this.#catchUp.request();
    }
    this.#setStatus(status, reason);
  }

  /** @param {any} message */
  #apply(message) {
    if (message.type.endsWith('.ack')) this.#pending.acknowledge(message);
    const effect = this.inbox.apply(message);
    if (effect.gap) this.#catchUp.request();
    if (effect.fresh?.status === 'unread') {
      this.#target.dispatchEvent(new CustomEvent('notification', { detail: effect.fresh }));
    }
    if (message.type === 'notifications.summary') {
      this.#target.dispatchEvent(
        new CustomEvent('summary', { detail: { count: message.data.count } }),
      );
    }
    this.changed();
  }

  #requestChanges() {
    if (this.leads)
      this.#link?.send({ type: 'sync.request', since: this.inbox.position, limit: 500 });
    else this.#tabs?.send({ requestSnapshot: true });
  }

  /** @param {string} code */
  #onError(code) {
    if (code === 'not_found' || code === 'bad_message') {
      const removed = this.#pending.refuseOldest();
      this.#tabs?.send({ removed });
      if (removed) this.#onRefused(removed);
    }
    if (code === 'unavailable' || code === 'rate_limited') {
      this.#pending.connectionLost();
      this.#tabs?.send({ retry: true });
      this.#catchUp.retryLater();
    }
  }

  /**
   * Forgets a mark that the hub has refused. A snooze whose end has passed for the hub is undone.
   * @param {string} key
   */
  #onRefused(key) {
    this.#pending.remove(key);
    const [type, id] = key.split(' ');
    if (type === 'notification.snooze' && this.inbox.applyMark(id, 'unsnooze')) this.changed();
  }

  /** @param {MarkMessage} message */
  #send(message) {
    if (this.leads) this.#sendOverLink(message);
    else this.#tabs?.send({ send: message });
  }

  /**
   * Sends what was lost between two connections, if the status did not change: the token was
   * renewed. Otherwise the status `online` does the same.
   */
  #onRenewed() {
    if (this.status !== 'online') return;
    this.#pending.connectionLost();
    this.#sendPending();
  }

  /**
   * Sends a mark over the connection, in the leading tab. Returns whether it was sent.
   * @param {any} message
   */
  #sendOverLink(message) {
    if (!this.#link?.send(message)) return false;
    this.#pending.sent(message);
    return true;
  }

  #sendPending() {
    // Marks are idempotent.
    for (const message of this.#pending.all) this.#send(message);
  }

  /**
   * @param {Status} status
   * @param {string} reason
   */
  #setStatus(status, reason) {
    if (this.status === status && this.reason === reason) return;
    const before = this.status;
    this.status = status;
    this.reason = reason;
    if (status === 'online' && before !== 'online') this.#sendPending();
    this.changed();
  }
}
