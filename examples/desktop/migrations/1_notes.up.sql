create table note (
    id    integer primary key,
    title text not null collate shelf,
    slug  text not null generated always as (slug(title)) virtual,
    mood  text
);
