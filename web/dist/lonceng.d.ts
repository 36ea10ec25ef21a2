// Lonceng, a notification hub: the browser component. MIT OR Apache-2.0.
/** Live regions that announce texts to screen readers. */
declare class Announcer {
    /** Announced when the screen reader is idle. */
    polite: HTMLDivElement;
    /** Announced at once. */
    urgent: HTMLDivElement;
    /**
     * @param {string} text
     * @param {boolean} [urgent]
     */
    announce(text: string, urgent?: boolean): void;
    #private;
}

type Words = Record<string, string>;

/**
 * Address of the hub, and identity of the user.
 */
type Options$1 = {
    /**
     * URL of the hub; by default the origin of this script, or of the page
     * with the npm package.
     */
    hub?: string | undefined;
    /**
     * Token, sent as a WebSocket subprotocol or in a header, never in a
     * URL.
     */
    token?: string | undefined;
    /**
     * Returns a token. Called before the first
     * connection, before a token expires, and when one is refused.
     */
    getToken?: (() => Promise<string>) | undefined;
    /**
     * Authenticates with the session cookie of the hub's site.
     */
    auth?: "cookie" | undefined;
    /**
     * Dev authentication: ID of the user.
     */
    userId?: string | undefined;
    /**
     * Dev authentication: login name.
     */
    login?: string | undefined;
    /**
     * Dev authentication: role.
     */
    role?: string | undefined;
    /**
     * True if the tabs of a browser share one connection, the default.
     */
    share?: boolean | undefined;
    /**
     * Set by the client: replaces a refused token.
     */
    renew?: (() => Promise<boolean>) | undefined;
    /**
     * Set by the client: waits for the first token.
     */
    ready?: (() => Promise<boolean>) | undefined;
};

/** Web Push of this browser, for the signed-in user. */
declare class DevicePush {
    /** @param {Options} options */
    constructor(options: Options$1);
    /** Origin of the hub, whose pages can enable Web Push. */
    get origin(): string;
    /**
     * Returns the state, without asking the user.
     * @returns {Promise<DevicePushState>}
     */
    state(): Promise<DevicePushState>;
    /**
     * Asks for the permission, and subscribes. To be called in the handler of a click.
     * @returns {Promise<DevicePushState>}
     */
    enable(): Promise<DevicePushState>;
    /**
     * Unsubscribes.
     * @returns {Promise<DevicePushState>}
     */
    disable(): Promise<DevicePushState>;
    #private;
}
/**
 * State of Web Push on this device. `unavailable`: the hub or the browser has no Web Push.
 * `elsewhere`: only pages of the hub's origin can register its service worker. `blocked`: the user
 * has refused the permission.
 */
type DevicePushState = "unavailable" | "elsewhere" | "blocked" | "off" | "on";

/**
 * Action of a notification.
 */
type Action$2 = {
    label: string;
    url: string | null;
    primary?: boolean | undefined;
};
/**
 * Notification as sent by the hub. `message` is plain text: never insert it as HTML.
 */
type Notification$2 = {
    notification_id: string;
    stream_id: string;
    revision: number;
    type_code: string;
    title: string;
    message: string;
    priority: "LOW" | "MEDIUM" | "HIGH";
    source: string | null;
    actor_id: string | null;
    entity_type: string | null;
    entity_id: string | null;
    action_url: string | null;
    metadata: Record<string, any>;
    count: number;
    created_at: string;
    expires_at: string | null;
    status: "unread" | "read" | "snoozed" | "archived" | "deleted" | "auto_cleared";
    read: boolean;
    read_at: string | null;
    seen_at: string | null;
    snoozed_until?: string | null | undefined;
    quiet?: boolean | undefined;
    category?: string | null | undefined;
    /**
     * URL of an icon or avatar.
     */
    icon?: string | null | undefined;
    /**
     * At most two.
     */
    actions?: Action$2[] | undefined;
    /**
     * Index of the action that the user has chosen.
     */
    clicked_action?: number | undefined;
    /**
     * The message with markup: `**bold**` and `[text](url)`; a backslash
     * escapes the next character.
     */
    rich?: string | undefined;
};

/**
 * Selection of notifications.
 */
type Filter$1 = {
    tab: "all" | "unread" | "snoozed" | "archived";
    category?: string | undefined;
    /**
     * Text in the title or the message.
     */
    q?: string | undefined;
};

type Action$1 = Action$2;
type Notification$1 = Notification$2;

/**
 * Sign-in of a page: a token, a function that returns tokens, a cookie, or the parameters of dev
 * authentication. Keeps `options.token` fresh.
 */
declare class SignIn {
    /**
     * @param {Options} options
     * @param {() => void} renewed  Called when the token was replaced.
     * @param {() => void} [switched]  Called when it was replaced by one of another user.
     */
    constructor(options: Options$1, renewed: () => void, switched?: () => void);
    /** Reason why `getToken` gave no token, for logs. */
    problem: string;
    /** True if there is no identity. */
    get isMissing(): boolean;
    /** True if a later attempt may succeed by itself. */
    get mayRecover(): boolean;
    /**
     * Replaces the token.
     * @param {string} token
     */
    setToken(token: string): void;
    /**
     * Requests a token to connect, if there is none. Returns whether there is an identity.
     */
    first(): Promise<boolean>;
    /**
     * Requests another token after a refusal, with backoff. Returns whether there is one.
     * @param {string} [token]  Token that the hub does not accept, which it may accept later.
     */
    refused(token?: string): Promise<boolean>;
    /** Stops renewals. */
    close(): void;
    #private;
}

/**
 * Status of a connection. `unauthorized`: not signed in, or the sign-in has expired. `forbidden`:
 * the hub refuses pages of this origin.
 */
type Status$1 = "connecting" | "online" | "offline" | "unauthorized" | "forbidden";

type Tab$1 = Filter$1["tab"];
/**
 * Notification type. Earlier hubs have no `channels` and no `applies`.
 */
type TypeName = {
    code: string;
    name: string;
    mandatory: boolean;
    category?: string | null | undefined;
    /**
     * Channels that it uses besides the inbox.
     */
    channels?: string[] | undefined;
    /**
     * False if it is for other users only.
     */
    applies?: boolean | undefined;
};
/**
 * Types by code, and the configured channels that reach a person.
 */
type TypeNames = Map<string, TypeName> & {
    channels?: string[];
};
/**
 * Preferences of a channel.
 */
type ChannelPreferences = {
    /**
     * False if nothing may be sent on the channel.
     */
    enabled: boolean;
    /**
     * False for types that may not be sent on it, by code.
     */
    types: Record<string, boolean>;
};
/**
 * Preferences of a user.
 */
type Preferences$1 = {
    /**
     * Codes of muted types.
     */
    muted_types: string[];
    /**
     * `email` and `push`.
     */
    channels: Record<string, ChannelPreferences>;
    /**
     * Collection of e-mails; null as the types
     * say.
     */
    digest: "daily" | "hourly" | "off" | null;
    /**
     * Alias of `channels`.
     */
    muted_channels: Record<string, Array<"email" | "push">>;
    /**
     * Alias of `channels.email.enabled`.
     */
    email_enabled: boolean;
    /**
     * Alias of `channels.push.enabled`.
     */
    push_enabled: boolean;
    /**
     * Times such as `22:00`.
     */
    quiet_hours: {
        from: string;
        to: string;
    } | null;
    /**
     * IANA time zone of the quiet hours.
     */
    timezone: string | null;
    /**
     * Days after which notifications are deleted.
     */
    retention_days: number | null;
};

/** @import { Options } from './options.js' */
/** @import { Filter } from './matching.js' */
/** @import { Mark, Notification } from './inbox.js' */
/** @import { Preferences, Tab, TypeNames } from './inbox-api.js' */
/** @import { Status } from './link.js' */
/**
 * Live inbox. Connects to the hub, or listens to the tab that does, and resumes at its last
 * revision. Fires `change` (the list, a count or the status), `notification` (one that is new, back
 * from a snooze, or grown by another event of its group, as `detail`) and `summary` (several at
 * once, as `detail.count`).
 */
declare class Client extends EventTarget {
    /** @param {Options} options */
    constructor(options: Options$1);
    /** Web Push of this browser. */
    devicePush: DevicePush;
    /**
     * Notifications of the list, newest first.
     * @returns {Notification[]}
     */
    get items(): Notification$1[];
    /**
     * Archived notifications that are loaded, newest first.
     * @returns {Notification[]}
     */
    get archived(): Notification$1[];
    /**
     * Returns the loaded notifications that a filter selects, newest first.
     * @param {Filter} filter
     * @returns {Notification[]}
     */
    matching(filter: Filter$1): Notification$1[];
    /** Number of unread notifications. */
    get unread(): number;
    /** Number of unread notifications that were never displayed. */
    get unseen(): number;
    /**
     * Status of the connection.
     * @returns {Status}
     */
    get status(): Status$1;
    /** Reason of the status, for logs. */
    get reason(): string;
    /** Sign-in of the user. */
    get signIn(): SignIn;
    /** True if the list may be shown: the user is signed in. */
    get mayShow(): boolean;
    /** Last revision up to which everything is loaded. */
    get revision(): number;
    /**
     * Number of times that the list has started over, because the hub was restored or the user is
     * another one. Pages that were loaded before are gone from it then.
     */
    get generation(): number;
    /** True if this tab holds the connection that the browser's tabs share. */
    get leads(): boolean;
    /**
     * Replaces the token by another one of the same user.
     * @param {string} token
     */
    useToken(token: string): void;
    /** @param {string} id */
    markRead(id: string): void;
    /**
     * Records a click, which marks the notification as read.
     * @param {string} id
     * @param {boolean} [leaving]  True if the page is being left.
     * @param {number} [action]  Index of the action that was chosen.
     */
    clicked(id: string, leaving?: boolean, action?: number): void;
    /** @param {string} id */
    markUnread(id: string): void;
    /** @param {string} id */
    archive(id: string): void;
    /**
     * Takes a notification out of the archive, with its earlier status.
     * @param {string} id
     */
    unarchive(id: string): void;
    /**
     * Snoozes a notification: it leaves the list, and is unread again at a time.
     * @param {string} id
     * @param {Date} until
     */
    snooze(id: string, until: Date): void;
    /**
     * Ends a snooze: the notification is unread again.
     * @param {string} id
     */
    unsnooze(id: string): void;
    /**
     * Deletes a notification.
     * @param {string} id
     */
    remove(id: string): void;
    /** Marks all notifications as read. */
    markAllRead(): void;
    /**
     * Returns the IDs of unread notifications, newest first, also of those that are not loaded; at
     * most 1,000. For an undo with `restoreUnread`.
     * @returns {Promise<string[]>}
     */
    unreadIds(): Promise<string[]>;
    /**
     * Marks notifications as unread again.
     * @param {string[]} ids
     */
    restoreUnread(ids: string[]): Promise<void>;
    /**
     * Returns the notification types by code.
     * @returns {Promise<TypeNames>}
     */
    types(): Promise<TypeNames>;
    /** Marks all notifications as seen. */
    markAllSeen(): void;
    /**
     * Loads a page of the list. Returns the cursor of the next page, or null at the end.
     * @param {string | null} cursor
     * @param {Tab | Filter} [filter]
     * @returns {Promise<string | null>}
     */
    loadOlder(cursor: string | null, filter?: Tab$1 | Filter$1): Promise<string | null>;
    /**
     * Returns the preferences of the user.
     * @returns {Promise<Preferences>}
     */
    preferences(): Promise<Preferences$1>;
    /**
     * Changes some preferences of the user. Returns all of them.
     * @param {Partial<Preferences> | ((known: Preferences) => Partial<Preferences>)} changes  New
     *   values, or what makes them of the stored ones.
     * @returns {Promise<Preferences>}
     */
    savePreferences(changes: Partial<Preferences$1> | ((known: Preferences$1) => Partial<Preferences$1>)): Promise<Preferences$1>;
    /**
     * Returns true in one of the tabs that ask with the same key.
     * @param {string} key
     */
    claims(key: string): true | Promise<any>;
    /** Ends it. */
    close(): void;
    #private;
}

/**
 * Choice of a click: an action of a notification, or a link in its message.
 *
 * @typedef {object} Choice
 * @property {number} [action]  Index of the action.
 * @property {string | null} url
 */
/**
 * Element with an inbox: identity, language and theme. Elements of the same identity share one
 * connection. Fires `lonceng:status` when the connection changes, with `detail.status` and
 * `detail.reason`.
 */
declare class HostElement extends HTMLElement {
    /** @protected */
    protected announcer: Announcer;
    /** @protected @type {Words} */
    protected words: Words;
    /** @protected */
    protected language: string;
    set client(client: Client | null);
    /**
     * Live inbox, for pages that need more than the element shows. A page that has one of its own
     * sets it, in place of the attributes of the identity, and closes it.
     * @returns {Client | null}
     */
    get client(): Client | null;
    set getToken(getToken: (() => Promise<string>) | undefined);
    /**
     * Function that returns a token for the user of the page. Called before the first connection,
     * before a token expires, and when one is refused.
     */
    get getToken(): (() => Promise<string>) | undefined;
    set dictionary(own: Words | null);
    /** Texts that replace the built-in ones, or add a language. */
    get dictionary(): Words | null;
    connectedCallback(): void;
    disconnectedCallback(): void;
    /**
     * @param {string} name
     * @param {string | null} before
     * @param {string | null} after
     */
    attributeChangedCallback(name: string, before: string | null, after: string | null): void;
    /** Applies the attributes that only this element has. @protected */
    protected applyAttributes(): void;
    /** Called when the texts have changed. @protected */
    protected applyWords(): void;
    /**
     * Follows another live inbox.
     * @param {Client} client
     * @param {AbortSignal} signal  Aborted when the inbox is given back.
     * @protected
     */
    protected useClient(client: Client, signal: AbortSignal): void;
    /** Renders what has changed. @protected */
    protected render(): void;
    /**
     * Adopts properties that were set before the element was defined: they hide the accessors.
     * @param {string[]} names
     * @protected
     */
    protected adoptProperties(...names: string[]): void;
    /** Renders once after a series of changes. @protected */
    protected draw(): void;
    /**
     * Fires an event that bubbles out of shadow roots. Returns false if it was canceled.
     * @param {string} name
     * @param {unknown} detail
     * @param {object} [more]  Further properties of the event.
     * @protected
     */
    protected fire(name: string, detail: unknown, more?: object): boolean;
    /**
     * Reports a click, with `lonceng:action`. Returns false if the page cancels following the link.
     * @param {Notification} item
     * @param {boolean} leaving  True if following the link leaves the page.
     * @param {Choice} [choice]
     * @protected
     */
    protected reportClick(item: Notification$1, leaving: boolean, { action, url }?: Choice): boolean;
    /**
     * Returns another element with this name that uses the same live inbox.
     * @param {string} name
     * @returns {any}
     * @protected
     */
    protected peer(name: string): any;
    #private;
}
/**
 * Choice of a click: an action of a notification, or a link in its message.
 */
type Choice = {
    /**
     * Index of the action.
     */
    action?: number | undefined;
    url: string | null;
};

/**
 * List without the bell: `<lonceng-inbox token="…">`, which fills its container. Fires
 * `lonceng:action` and `lonceng:status` as a bell does, and `lonceng:notification` on a page
 * without a bell or toasts of the same identity.
 */
declare class LoncengInbox extends HostElement {
    static observedAttributes: string[];
    set renderItem(renderItem: RenderItem$1 | null);
    /** Function that returns a row of the page's own for a notification, or null. */
    get renderItem(): RenderItem$1 | null;
    #private;
}
/**
 * Settings of the user alone: `<lonceng-preferences token="…">`.
 */
declare class LoncengPreferences extends HostElement {
    static observedAttributes: string[];
    #private;
}
/**
 * Returns a row of the page's own for a notification; null for the built-in one. The row is put
 * into the page beside the element's other children, so that the page's stylesheets apply.
 */
type RenderItem$1 = (item: Notification$1) => HTMLElement | null;

/**
 * Subscription to a feed.
 *
 * @typedef {object} FeedSubscription
 * @property {string} [feed]  Name of the feed; without it, every event, for administrators.
 * @property {Record<string, string | string[]>} [filters]  Values of one key are alternatives; all
 *   keys must match.
 * @typedef {Options & FeedSubscription} FeedOptions
 */
/**
 * Message of a feed.
 *
 * @typedef {object} FeedMessage
 * @property {string} type  Type of the message, as configured.
 * @property {string} [feed]  Name of the feed.
 * @property {Record<string, unknown>} data  Fields of the event.
 * @property {string} timestamp  Time of the event, RFC 3339.
 * @property {true} [snapshot]  Set on messages of the initial state.
 */
/**
 * Live feed, for pages that display it themselves. Fires `message` (a `FeedMessage` as `detail`),
 * `change` (the status) and `error` (a refused subscription, as `detail.code` and
 * `detail.message`).
 */
declare class Feed extends EventTarget {
    /** @param {FeedOptions} options */
    constructor(options: FeedOptions$1);
    /**
     * Status of the connection.
     * @returns {Status}
     */
    get status(): Status$1;
    /**
     * Replaces the filters.
     * @param {Record<string, string | string[]>} filters
     */
    filter(filters: Record<string, string | string[]>): void;
    close(): void;
    #private;
}
/**
 * Feed element without styles: `<lonceng-feed feed="availability"
 * filter-course_id="PIANO-101,PIANO-102">`. Fires `lonceng:message` with a `FeedMessage` as
 * `detail`, and writes each field of its data into the elements inside with `data-field="NAME"`,
 * unless the event is cancelled. The attribute `status` is the status of the connection.
 */
declare class LoncengFeed extends HTMLElement {
    connectedCallback(): void;
    disconnectedCallback(): void;
    #private;
}
/**
 * Subscription to a feed.
 */
type FeedSubscription = {
    /**
     * Name of the feed; without it, every event, for administrators.
     */
    feed?: string | undefined;
    /**
     * Values of one key are alternatives; all
     * keys must match.
     */
    filters?: Record<string, string | string[]> | undefined;
};
/**
 * Subscription to a feed.
 */
type FeedOptions$1 = Options$1 & FeedSubscription;
/**
 * Message of a feed.
 */
type FeedMessage$1 = {
    /**
     * Type of the message, as configured.
     */
    type: string;
    /**
     * Name of the feed.
     */
    feed?: string | undefined;
    /**
     * Fields of the event.
     */
    data: Record<string, unknown>;
    /**
     * Time of the event, RFC 3339.
     */
    timestamp: string;
    /**
     * Set on messages of the initial state.
     */
    snapshot?: true | undefined;
};

/**
 * Interface from the toasts to their element.
 *
 * @typedef {object} ToastsHost
 * @property {(item: Notification, leaving: boolean, choice?: Choice) => boolean} click  Reports a
 *   click. Returns false to stay on the page.
 * @property {() => void} open  Opens the list.
 */
/**
 * Toasts of an element, newest last: a maximum number, and one line that counts the rest and opens the
 * panel.
 */
declare class Toasts {
    /**
     * @param {HTMLElement} box
     * @param {Words} words
     * @param {ToastsHost} of
     */
    constructor(box: HTMLElement, words: Words, of: ToastsHost);
    /** @type {Words} */
    words: Words;
    /** Maximum number of toasts shown at once. */
    most: number;
    /**
     * Shows a notification.
     * @param {Notification} notification
     */
    show(notification: Notification$1): void;
    /** IDs of the notifications that are shown or counted. */
    get shown(): string[];
    /**
     * Removes the toast of a notification that was read elsewhere.
     * @param {string} id
     */
    forget(id: string): void;
    /** Removes all toasts. */
    clear(): void;
    /**
     * Adds notifications to the line that counts the rest.
     * @param {number} n
     */
    count(n: number): void;
    #private;
}
/**
 * Interface from the toasts to their element.
 */
type ToastsHost = {
    /**
     * Reports a
     * click. Returns false to stay on the page.
     */
    click: (item: Notification$1, leaving: boolean, choice?: Choice) => boolean;
    /**
     * Opens the list.
     */
    open: () => void;
};

/** Element that shows, announces and sounds new notifications. */
declare class ToastingElement extends HostElement {
    static observedAttributes: string[];
    /** @protected */
    protected toasts: Toasts;
    /** Opens the list. */
    open(): void;
    /** True if another element shows the new notifications of the same inbox. @protected */
    protected get yields(): boolean;
    /** True if the list is shown, which makes toasts superfluous. @protected */
    protected get isListed(): boolean;
    /** Called before a new notification is shown. @protected */
    protected ring(): void;
    #private;
}
/**
 * Toasts without a bell: `<lonceng-toasts token="…" toast-position="top-end" max-toasts="3">`. On a
 * page with a bell of the same identity, this element shows the toasts in the bell's place, and
 * fires its `lonceng:notification`. The line that counts the rest fires `lonceng:open`, and opens
 * that bell.
 */
declare class LoncengToasts extends ToastingElement {
}

/** @import { Client } from './client.js' */
/** @import { RenderItem } from './inbox-elements.js' */
/**
 * Bell element: `<lonceng-bell token="…" hub="…" lang="id" theme="dark" badge="unseen" sound
 * desktop placement="bottom-start" toast-position="top-end" max-toasts="3" title-badge
 * favicon-badge app-badge>`; `auth="cookie"` instead of `token`. Fires `lonceng:notification` for
 * each notification that is new, back from a snooze, or grown by another event of its group, and
 * `lonceng:action` when one is clicked, before its link is followed. Both have the notification as
 * `detail`, and pages that display or navigate by themselves can cancel them; `lonceng:action` has
 * the index of the chosen `action`, if any, and the `url` that is followed. Fires `lonceng:status`
 * when the connection changes, with `detail.status` and `detail.reason`. All events bubble.
 */
declare class LoncengBell extends ToastingElement {
    set renderItem(renderItem: RenderItem$1 | null);
    /** Function that returns a row of the page's own for a notification, or null. */
    get renderItem(): RenderItem$1 | null;
    /** Closes the panel. */
    close(): void;
    #private;
}

/** @typedef {import('./options.js').Options} Options */
/** @typedef {import('./feed.js').FeedOptions} FeedOptions */
/** @typedef {import('./inbox.js').Notification} Notification */
/** @typedef {import('./inbox.js').Action} Action */
/** @typedef {import('./matching.js').Filter} Filter */
/** @typedef {import('./inbox-api.js').Preferences} Preferences */
/** @typedef {import('./inbox-api.js').Tab} Tab */
/** @typedef {import('./link.js').Status} Status */
/** @typedef {import('./feed.js').FeedMessage} FeedMessage */
/** @typedef {import('./inbox-elements.js').RenderItem} RenderItem */
/**
 * Connects to a user's inbox, for pages with their own user interface.
 * @param {Options} options
 */
declare function connect(options: Options): Client;
/**
 * Connects to a live feed, for pages with their own user interface.
 * @param {FeedOptions} options
 */
declare function connectFeed(options: FeedOptions): Feed;
type Options = Options$1;
type FeedOptions = FeedOptions$1;
type Notification = Notification$1;
type Action = Action$1;
type Filter = Filter$1;
type Preferences = Preferences$1;
type Tab = Tab$1;
type Status = Status$1;
type FeedMessage = FeedMessage$1;
type RenderItem = RenderItem$1;

export { Client, Feed, LoncengBell, LoncengFeed, LoncengInbox, LoncengPreferences, LoncengToasts, connect, connectFeed };
export type { Action, FeedMessage, FeedOptions, Filter, Notification, Options, Preferences, RenderItem, Status, Tab };

interface Client {
  addEventListener(
    type: 'change',
    listener: (event: Event) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: 'notification',
    listener: (event: CustomEvent<Notification>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: 'summary',
    listener: (event: CustomEvent<{ count: number }>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
}
interface Feed {
  addEventListener(
    type: 'change',
    listener: (event: Event) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: 'message',
    listener: (event: CustomEvent<FeedMessage>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: 'error',
    listener: (event: CustomEvent<{ code: string; message: string }>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
}
declare global {
  interface HTMLElementTagNameMap {
    'lonceng-bell': LoncengBell;
    'lonceng-feed': LoncengFeed;
    'lonceng-inbox': LoncengInbox;
    'lonceng-preferences': LoncengPreferences;
    'lonceng-toasts': LoncengToasts;
  }
  interface HTMLElementEventMap {
    'lonceng:notification': CustomEvent<Notification>;
    'lonceng:action': CustomEvent<Notification> & { action?: number; url: string | null };
    'lonceng:open': CustomEvent<null>;
    'lonceng:status': CustomEvent<{ status: Status; reason: string }>;
    'lonceng:message': CustomEvent<FeedMessage>;
    'lonceng:error': CustomEvent<{ code: string; message: string }>;
  }
}
