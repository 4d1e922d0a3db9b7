create index note_slug on note (slug);
