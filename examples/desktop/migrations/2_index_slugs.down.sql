drop index note_slug;
