import { t } from './translations.js';

/** Names of priorities. @type {Record<string, string>} */
const PRIORITIES = { LOW: 'Low', MEDIUM: 'Medium', HIGH: 'High' };

/** Names of the targets of types. @type {Record<string, string>} */
const TARGETS = {
  SELF: 'User of the event',
  ACTOR: 'Actor',
  RECIPIENT: 'Recipients of the event',
  ADMIN: 'Administrators',
  ROLE: 'Role',
  USERS: 'Fixed users',
  ALL: 'Everyone',
  FEED: 'Live feed only',
};

/** Explanations of the targets. @type {Record<string, string>} */
const EXPLAINED = {
  SELF: 'SELF: the user whom the event names in user_id.',
  ACTOR: 'ACTOR: the user who did it, whom the event names in actor_id.',
  RECIPIENT: 'RECIPIENT: the users whom the event names in recipient_id or recipient_ids.',
  ADMIN: 'ADMIN: all users of the directory with the role admin.',
  ROLE: 'ROLE: all users of the directory with this role.',
  USERS: 'USERS: always these users.',
  ALL: 'ALL: all users of the directory.',
  FEED: 'FEED: nobody gets a notification; pages that watch a live feed see the event.',
};

/** @param {string} priority */
export const priorityName = (priority) => t(PRIORITIES[priority] ?? priority);

/** @param {string} target */
export const targetName = (target) => t(TARGETS[target] ?? target);

/** @param {string} target */
export const targetText = (target) => t(EXPLAINED[target] ?? '');

/** Names of the actions in the audit. @type {Record<string, string>} */
const ACTIONS = {
  'channel.tested': 'Channel tested',
  'client.disconnected': 'Connection closed',
  'config.reload': 'Configuration reloaded',
  'config.removal_confirmed': 'Removal of types confirmed',
  'dead_letter.discarded': 'Dead letter discarded',
  'dead_letter.replayed': 'Dead letter replayed',
  'delivery.retried': 'Delivery retried',
  'directory.bulk': 'Users changed',
  'directory.import': 'Users imported',
  'event.recalled': 'Event recalled',
  'job.started': 'Job started',
  'job.stopped': 'Job stopped',
  'message.sent': 'Message sent',
  'preferences.put': 'Preferences changed',
  'type.changed': 'Type changed',
  'type.created': 'Type created',
  'type.deleted': 'Type deleted',
  'type.reverted': 'Type reverted to the file',
  'type.tested': 'Type tested',
  'user.deleted': 'User deleted',
  'user.disconnected': 'User disconnected',
  'user.put': 'User saved',
};

/**
 * Returns the name of an action in the audit; the action itself if it is not known.
 * @param {string} action
 */
export const actionName = (action) => t(ACTIONS[action] ?? action);
