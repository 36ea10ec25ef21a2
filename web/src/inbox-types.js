/**
 * Action of a notification.
 *
 * @typedef {object} Action
 * @property {string} label
 * @property {string | null} url
 * @property {boolean} [primary]
 */

/**
 * Notification as sent by the hub. `message` is plain text: never insert it as HTML.
 *
 * @typedef {object} Notification
 * @property {string} notification_id
 * @property {string} stream_id
 * @property {number} revision
 * @property {string} type_code
 * @property {string} title
 * @property {string} message
 * @property {'LOW' | 'MEDIUM' | 'HIGH'} priority
 * @property {string | null} source
 * @property {string | null} actor_id
 * @property {string | null} entity_type
 * @property {string | null} entity_id
 * @property {string | null} action_url
 * @property {Record<string, any>} metadata
 * @property {number} count
 * @property {string} created_at
 * @property {string | null} expires_at
 * @property {'unread' | 'read' | 'snoozed' | 'archived' | 'deleted' | 'auto_cleared'} status
 * @property {boolean} read
 * @property {string | null} read_at
 * @property {string | null} seen_at
 * @property {string | null} [snoozed_until]
 * @property {boolean} [quiet]
 * @property {string | null} [category]
 * @property {string | null} [icon]  URL of an icon or avatar.
 * @property {Action[]} [actions]  At most two.
 * @property {number} [clicked_action]  Index of the action that the user has chosen.
 * @property {string} [rich]  The message with markup: `**bold**` and `[text](url)`; a backslash
 *   escapes the next character.
 */

/**
 * @typedef {'read' | 'unread' | 'archive' | 'unarchive' | 'delete' | 'snooze' | 'unsnooze'} Mark
 */

/**
 * Effect of a message from the hub.
 *
 * @typedef {object} Effect
 * @property {Notification} [fresh]  Notification to announce: new, back from a snooze, or grown by
 *   another event of its group.
 * @property {boolean} [gap]  True if earlier changes are missing and must be requested.
 */

/**
 * @typedef {{epoch: string, revision: number, since?: number, unread: number, unseen: number,
 *   items: Notification[], raised?: [string, number][]}} Snapshot
 */

export {};
