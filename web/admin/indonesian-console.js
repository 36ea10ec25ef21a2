/**
 * Texts of clients, states, the import of a complete file and the configuration in Indonesian, by
 * their English text.
 * @type {Record<string, string>}
 */
export const CONSOLE = {
  'Not refreshed since {time}: {why}': 'Tidak disegarkan sejak {time}: {why}',
  'This user is not connected.': 'Pengguna ini tidak tersambung.',
  '1 connection.': '1 sambungan.',
  '{n} connections.': '{n} sambungan.',
  'user at this hub': 'pengguna di hub ini',
  'users at this hub': 'pengguna di hub ini',
  'No answer from: {hubs}. Who is connected only there does not get it.':
    'Tidak ada jawaban dari: {hubs}. Yang hanya tersambung di sana tidak menerimanya.',
  'The list was not loaded again: an event is being edited.':
    'Daftar tidak dimuat ulang: ada peristiwa yang sedang diubah.',
  'There is a user {id} already; edit them in the list.':
    'Pengguna {id} sudah ada; ubahlah di daftar.',
  'These preferences were changed in the meantime. Close the dialog, and open it again.':
    'Preferensi ini sudah berubah. Tutup dialog ini, lalu buka lagi.',
  'Disconnect {who}? An open page signs in again, if it may.':
    'Putuskan {who}? Halaman yang terbuka masuk lagi jika diizinkan.',
  'The last {events} events are kept for one day.':
    '{events} peristiwa terakhir disimpan selama satu hari.',
  'kept for one day': 'disimpan satu hari',
  'Open the inbox of the user ID “{id}”': 'Buka kotak masuk ID pengguna “{id}”',
  'not in the directory': 'tidak ada dalam direktori',
  unread: 'belum dibaca',
  snoozed: 'ditunda',
  archived: 'diarsipkan',
  deleted: 'dihapus',
  expired: 'kedaluwarsa',
  'not set': 'belum diatur',
  environment: 'variabel lingkungan',
  'Load the file and remove one type': 'Muat berkas itu dan hapus satu jenis',
  'The file is complete: remove the users who are not in it':
    'Berkas lengkap: hapus pengguna yang tidak ada di dalamnya',
  'Correct the line with an error first: its user would be removed.':
    'Perbaiki dahulu baris yang salah: penggunanya akan dihapus.',
  'Correct the {n} lines with errors first: their users would be removed.':
    'Perbaiki dahulu {n} baris yang salah: penggunanya akan dihapus.',
  'Import and remove 1 user': 'Impor dan hapus 1 pengguna',
  'Import and remove {n} users': 'Impor dan hapus {n} pengguna',
  'Remove 1 user from the directory? The inbox stays.':
    'Hapus 1 pengguna dari direktori? Kotak masuknya tetap ada.',
  'Remove {n} users from the directory? Their inboxes stay.':
    'Hapus {n} pengguna dari direktori? Kotak masuknya tetap ada.',
  removed: 'dihapus',
  'Users who would be removed': 'Pengguna yang akan dihapus',
  'and {n} more': 'dan {n} lagi',
  '1 user imported.': '1 pengguna diimpor.',
  '1 line is invalid and is left out.': '1 baris tidak sah dan dilewatkan.',
  'Place in the file': 'Tempat dalam berkas',
  'Line {line}, column {column} ({field})': 'Baris {line}, kolom {column} ({field})',
  'Line {line}': 'Baris {line}',
};
