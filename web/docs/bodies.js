/** Type of the examples. */
const TYPE = {
  display_name: 'Note created',
  template: 'You created the note "{title}"',
  target_type: 'SELF',
  priority: 'MEDIUM',
};

/**
 * Bodies that the hub accepts, where the schema alone does not lead to one, by the ID of the
 * operation.
 * @type {Record<string, unknown>}
 */
export const BODIES = {
  create_type: { code: 'NOTE_PINNED', ...TYPE },
  put_type: TYPE,
  patch_type: { priority: 'HIGH' },
  preview_type: { data: { user_id: 'budi', title: 'Shopping list' } },
  test_type: { recipient: 'budi', data: { user_id: 'budi', title: 'Shopping list' } },
  import_users: { users: [{ user_id: 'budi', login: 'budi', roles: ['user'], locale: 'en' }] },
  mark_snooze: { for: '1h' },
  unsubscribe_push: { endpoint: 'https://push.example.com/1' },
  put_preferences: { muted_types: [], timezone: 'Asia/Jakarta' },
  put_preferences_of_user: { muted_types: [], timezone: 'Asia/Jakarta' },
};
