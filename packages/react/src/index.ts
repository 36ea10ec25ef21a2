'use client';

export { LoncengProvider } from './provider.js';
export { Bell } from './elements.js';
export { useClient, useInbox, useNotification, useUnread } from './hooks.js';
export type { LoncengProviderProps, Appearance, Dictionary } from './provider.js';
export type { BellProps, ElementProps, Placement } from './elements.js';
export type { Inbox, UseInboxOptions } from './hooks.js';
export type { Client, Notification, Options, Preferences, Status, Tab } from '@lonceng/client';
