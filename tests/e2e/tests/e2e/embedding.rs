//! Related rows inside rows: every kind of relationship, and what can be said about the embedded part.

use transom_testkit::{Project, Server, embedded_only};

use crate::spec::check;

const SCHEMA: &str = "
CREATE TABLE directors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT);
CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT NOT NULL, year INTEGER, director_id INTEGER REFERENCES directors (id));
CREATE TABLE actors (id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT);
CREATE TABLE roles (
  film_id  INTEGER NOT NULL REFERENCES films (id),
  actor_id INTEGER NOT NULL REFERENCES actors (id),
  character TEXT,
  PRIMARY KEY (film_id, actor_id)
);
CREATE TABLE specs (film_id INTEGER PRIMARY KEY REFERENCES films (id), runtime INTEGER, camera TEXT);
CREATE TABLE employees (id INTEGER PRIMARY KEY, name TEXT, boss_id INTEGER REFERENCES employees (id));
CREATE TABLE addresses (id INTEGER PRIMARY KEY, city TEXT);
CREATE TABLE parcels (
  id INTEGER PRIMARY KEY,
  note TEXT,
  billing  INTEGER CONSTRAINT billing_address REFERENCES addresses (id),
  shipping INTEGER CONSTRAINT shipping_address REFERENCES addresses (id)
);
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE follows (
  follower INTEGER NOT NULL REFERENCES people (id),
  followed INTEGER NOT NULL REFERENCES people (id),
  PRIMARY KEY (follower, followed)
);
CREATE VIEW recent_films AS SELECT id, title, director_id FROM films WHERE year >= 2000;

INSERT INTO directors VALUES (1, 'Lumière', 'FR'), (2, 'Boyle', 'UK'), (3, 'Nobody', NULL);
INSERT INTO films VALUES (1, 'Workers', 1895, 1), (2, '127 Hours', 2010, 2), (3, 'Orphan', 2020, NULL), (4, 'Trains', 1996, 2);
INSERT INTO actors VALUES (1, 'James', 'Franco'), (2, 'Kate', 'Mara'), (3, 'Ewan', 'McGregor'), (4, 'Idle', 'One');
INSERT INTO roles VALUES (2, 1, 'Aron'), (2, 2, 'Kristi'), (4, 3, 'Renton'), (4, 1, 'Extra');
INSERT INTO specs VALUES (1, 1, 'Cinématographe'), (2, 94, 'digital');
INSERT INTO employees VALUES (1, 'Top', NULL), (2, 'Mid', 1), (3, 'Low', 2), (4, 'Other', 1);
INSERT INTO addresses VALUES (1, 'Paris'), (2, 'Rome');
INSERT INTO people VALUES (1, 'Ann'), (2, 'Ben'), (3, 'Cyd');
INSERT INTO follows VALUES (1, 2), (2, 3);
INSERT INTO parcels VALUES (1, 'box', 1, 2), (2, 'tube', 2, NULL);
";

fn serve() -> (Project, Server) {
    let mut policies = String::new();
    for table in "directors films actors roles specs employees addresses parcels people follows recent_films"
        .split(' ')
    {
        policies += &format!("GRANT ALL ON {table} TO anon;\nCREATE POLICY p ON {table} USING (true);\n");
    }
    let project = Project::of(SCHEMA, &policies);
    let server = project.serve();
    (project, server)
}

#[test]
fn every_kind_of_relationship_is_embedded() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        # Many to one.
        GET /films?select=title,directors(name)&order=id
        => 200
        [{"title":"Workers","directors":{"name":"Lumière"}},{"title":"127 Hours","directors":{"name":"Boyle"}},
         {"title":"Orphan","directors":null},{"title":"Trains","directors":{"name":"Boyle"}}]

        # One to many.
        GET /directors?select=name,films(title)&films.order=id&order=id
        => 200
        [{"name":"Lumière","films":[{"title":"Workers"}]},{"name":"Boyle","films":[{"title":"127 Hours"},{"title":"Trains"}]},
         {"name":"Nobody","films":[]}]

        # Many to many: the junction's key is its two foreign keys.
        GET /films?select=title,actors(last_name)&actors.order=id&id=in.(2,3)&order=id
        => 200
        [{"title":"127 Hours","actors":[{"last_name":"Franco"},{"last_name":"Mara"}]},{"title":"Orphan","actors":[]}]

        GET /actors?select=first_name,films(title)&films.order=id&id=eq.1
        => 200
        [{"first_name":"James","films":[{"title":"127 Hours"},{"title":"Trains"}]}]

        # One to one, from both sides: the foreign key is the key.
        GET /films?select=id,specs(camera)&order=id
        => 200
        [{"id":1,"specs":{"camera":"Cinématographe"}},{"id":2,"specs":{"camera":"digital"}},{"id":3,"specs":null},{"id":4,"specs":null}]

        GET /specs?select=runtime,films(title)&film_id=eq.2
        => 200
        [{"runtime":94,"films":{"title":"127 Hours"}}]

        # All columns, renamed, deeper.
        GET /roles?select=*,film:films(*,made_by:directors(name)),actors(first_name)&actor_id=eq.3
        => 200
        [{"film_id":4,"actor_id":3,"character":"Renton",
          "film":{"id":4,"title":"Trains","year":1996,"director_id":2,"made_by":{"name":"Boyle"}},"actors":{"first_name":"Ewan"}}]

        GET /directors?select=name,films(title,roles(character,actors(last_name)))&id=eq.2&films.order=id&films.roles.order=actor_id
        => 200
        [{"name":"Boyle","films":[
          {"title":"127 Hours","roles":[{"character":"Aron","actors":{"last_name":"Franco"}},{"character":"Kristi","actors":{"last_name":"Mara"}}]},
          {"title":"Trains","roles":[{"character":"Extra","actors":{"last_name":"Franco"}},{"character":"Renton","actors":{"last_name":"McGregor"}}]}]}]

        # From a view, by its table's foreign key.
        GET /recent_films?select=title,directors(name)&order=id
        => 200
        [{"title":"127 Hours","directors":{"name":"Boyle"}},{"title":"Orphan","directors":null}]

        # The same resource twice, under two names.
        GET /directors?select=name,old:films(title),new:films(title)&old.year=lt.2000&new.year=gte.2000&id=eq.2
        => 200
        [{"name":"Boyle","old":[{"title":"Trains"}],"new":[{"title":"127 Hours"}]}]
        "#,
    );
}

#[test]
fn hints_choose_among_relationships() {
    if embedded_only("foreign keys have the names that the server gives them") {
        return;
    }
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /parcels?select=note,addresses(city)
        => 300 PGRST201

        # A table joined with itself: by the junction's column that leads to the embedded rows.
        GET /people?select=name,people(name)
        => 300 PGRST201 "'people!followed', 'people!follower'"

        GET /people?select=name,follows:people!followed(name),followers:people!follower(name)&id=eq.2
        => 200
        [{"name":"Ben","follows":[{"name":"Cyd"}],"followers":[{"name":"Ann"}]}]

        GET /films?select=title,directors
        => 400 42703 "Write directors(*)"

        # By column, and by the constraint's name.
        GET /parcels?select=note,billing:addresses!billing(city),shipping:addresses!shipping(city)&order=id
        => 200
        [{"note":"box","billing":{"city":"Paris"},"shipping":{"city":"Rome"}},{"note":"tube","billing":{"city":"Rome"},"shipping":null}]

        GET /parcels?select=note,addresses!billing_address(city)&id=eq.1
        => 200
        [{"note":"box","addresses":{"city":"Paris"}}]

        # The foreign key as the target.
        GET /parcels?select=note,billing(city)&id=eq.1
        => 200
        [{"note":"box","billing":{"city":"Paris"}}]

        GET /parcels?select=note,billing_address(city)&id=eq.2
        => 200
        [{"note":"tube","billing_address":{"city":"Rome"}}]

        GET /addresses?select=city,sent:parcels!shipping(note),billed:parcels!billing(note)&order=id
        => 200
        [{"city":"Paris","sent":[],"billed":[{"note":"box"}]},{"city":"Rome","sent":[{"note":"box"}],"billed":[{"note":"tube"}]}]

        # A hint on a junction.
        GET /films?select=title,actors!roles(last_name)&id=eq.4&actors.order=id
        => 200
        [{"title":"Trains","actors":[{"last_name":"Franco"},{"last_name":"McGregor"}]}]

        # A table with itself: the column says which way is meant.
        GET /employees?select=name,boss:boss_id(name)&order=id
        => 200
        [{"name":"Top","boss":null},{"name":"Mid","boss":{"name":"Top"}},{"name":"Low","boss":{"name":"Mid"}},{"name":"Other","boss":{"name":"Top"}}]

        GET /employees?select=name,team:employees!boss_id(name)&team.order=id&id=eq.1
        => 200
        [{"name":"Top","team":[{"name":"Mid"},{"name":"Other"}]}]

        GET /films?select=title,parcels(note)
        => 400 PGRST200

        GET /films?select=title,directors!nothing(name)
        => 400 PGRST200
        "#,
    );
}

#[test]
fn embedded_rows_are_filtered_ordered_and_limited() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        # A filter inside does not filter outside.
        GET /films?select=title,actors(first_name)&actors.first_name=eq.Kate&order=id
        => 200
        [{"title":"Workers","actors":[]},{"title":"127 Hours","actors":[{"first_name":"Kate"}]},{"title":"Orphan","actors":[]},{"title":"Trains","actors":[]}]

        # !inner does.
        GET /films?select=title,actors!inner(first_name)&actors.first_name=eq.Kate
        => 200
        [{"title":"127 Hours","actors":[{"first_name":"Kate"}]}]

        GET /films?select=title,directors!inner(name)&directors.country=eq.UK&order=id
        => 200
        [{"title":"127 Hours","directors":{"name":"Boyle"}},{"title":"Trains","directors":{"name":"Boyle"}}]

        GET /films?select=title,directors!left(name)&id=eq.3
        => 200
        [{"title":"Orphan","directors":null}]

        GET /directors?select=name,films!inner(title,actors!inner(last_name))&films.actors.last_name=eq.Mara
        => 200
        [{"name":"Boyle","films":[{"title":"127 Hours","actors":[{"last_name":"Mara"}]}]}]

        GET /directors?select=name,films(title)&id=eq.2&films.order=title.desc&films.limit=1
        => 200
        [{"name":"Boyle","films":[{"title":"Trains"}]}]

        GET /directors?select=name,films(title)&id=eq.2&films.order=title&films.limit=1&films.offset=1
        => 200
        [{"name":"Boyle","films":[{"title":"Trains"}]}]

        GET /films?select=title,roles(character)&roles.or=(character.eq.Aron,character.eq.Renton)&id=in.(2,4)&order=id
        => 200
        [{"title":"127 Hours","roles":[{"character":"Aron"}]},{"title":"Trains","roles":[{"character":"Renton"}]}]

        GET /films?select=title,roles(character,actors(last_name))&roles.actors.last_name=like.*ra&id=eq.2&roles.order=actor_id
        => 200
        [{"title":"127 Hours","roles":[{"character":"Aron","actors":null},{"character":"Kristi","actors":{"last_name":"Mara"}}]}]

        # Limits and totals of the outside count outside rows.
        GET /films?select=title,actors!inner(first_name)&actors.first_name=eq.James&order=id&limit=1
        Prefer: count=exact
        => 206
        Content-Range: 0-0/2
        [{"title":"127 Hours","actors":[{"first_name":"James"}]}]

        GET /films?select=title&actors.first_name=eq.James
        => 400 PGRST108
        "#,
    );
}

#[test]
fn rows_are_chosen_and_ordered_by_what_is_related() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /films?select=title,actors()&actors=not.is.null&order=id
        => 200
        [{"title":"127 Hours"},{"title":"Trains"}]

        # The anti-join.
        GET /films?select=title,actors()&actors=is.null&order=id
        => 200
        [{"title":"Workers"},{"title":"Orphan"}]

        GET /films?select=title,actors(),directors()&or=(actors.not.is.null,directors.is.null)&order=id
        => 200
        [{"title":"127 Hours"},{"title":"Orphan"},{"title":"Trains"}]

        GET /films?select=title,actors(),directors()&directors.name=eq.Lumière&actors.first_name=eq.Ewan&or=(directors.not.is.null,actors.not.is.null)&order=id
        => 200
        [{"title":"Workers"},{"title":"Trains"}]

        GET /films?select=title,actors()&actors=eq.1
        => 400 PGRST120

        GET /films?select=title,directors(name)&order=directors(name).desc,id
        => 200
        [{"title":"Orphan","directors":null},{"title":"Workers","directors":{"name":"Lumière"}},
         {"title":"127 Hours","directors":{"name":"Boyle"}},{"title":"Trains","directors":{"name":"Boyle"}}]

        GET /films?select=title,directors()&order=directors(name).asc.nullsfirst,title.desc
        => 200
        [{"title":"Orphan"},{"title":"Trains"},{"title":"127 Hours"},{"title":"Workers"}]

        GET /roles?select=character,films(directors())&films.order=directors(name)&order=films(year),actor_id
        => 200
        [{"character":"Extra","films":{}},{"character":"Renton","films":{}},{"character":"Aron","films":{}},{"character":"Kristi","films":{}}]

        GET /films?select=title,actors(first_name)&order=actors(first_name)
        => 400 PGRST118

        GET /films?select=title&order=directors(name)
        => 400 PGRST108
        "#,
    );
}

#[test]
fn embedded_columns_can_be_spread() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /films?select=title,...directors(director:name,country)&order=id
        => 200
        [{"title":"Workers","director":"Lumière","country":"FR"},{"title":"127 Hours","director":"Boyle","country":"UK"},
         {"title":"Orphan","director":null,"country":null},{"title":"Trains","director":"Boyle","country":"UK"}]

        GET /roles?select=character,...films(title,...directors(by:name))&order=film_id,actor_id&limit=1
        => 200
        [{"character":"Aron","title":"127 Hours","by":"Boyle"}]

        # A spread to-many: one array per column.
        GET /directors?select=name,...films(titles:title,years:year)&films.order=id&order=id
        => 200
        [{"name":"Lumière","titles":["Workers"],"years":[1895]},{"name":"Boyle","titles":["127 Hours","Trains"],"years":[2010,1996]},
         {"name":"Nobody","titles":[],"years":[]}]

        GET /films?select=title,...actors(last_name)&actors.order=id&id=eq.2
        => 200
        [{"title":"127 Hours","last_name":["Franco","Mara"]}]
        
        # What is nested in a spread restricts it, whichever columns of it are shown.
        GET /roles?select=character,...films(title,directors!inner(name))&films.directors.name=eq.Boyle&film_id=eq.2&actor_id=eq.1
        => 200
        [{"character":"Aron","title":"127 Hours","directors":{"name":"Boyle"}}]

        GET /roles?select=character,...films(title,directors!inner(name))&films.directors.name=eq.Nobody&film_id=eq.2&actor_id=eq.1
        => 200
        [{"character":"Aron","title":null,"directors":null}]

        GET /roles?select=character,...films(title,directors())&films.directors=is.null&film_id=eq.2&actor_id=eq.1
        => 200
        [{"character":"Aron","title":null}]

        GET /directors?select=name,...films(title,...roles(character,actors(last_name)))&id=eq.2&films.order=id.desc&films.roles.order=actor_id
        => 200
        [{"name":"Boyle","title":["Trains","127 Hours"],"character":[["Extra","Renton"],["Aron","Kristi"]],
          "actors":[[{"last_name":"Franco"},{"last_name":"McGregor"}],[{"last_name":"Franco"},{"last_name":"Mara"}]]}]
        "#,
    );
}

#[test]
fn writes_return_related_rows() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        POST /films?select=title,director:directors(name)
        Prefer: return=representation
        {"id":100,"director_id":2,"title":"Sunshine","year":2007}
        => 201
        [{"title":"Sunshine","director":{"name":"Boyle"}}]

        PATCH /films?id=eq.100&select=title,directors(name,films(title))&directors.films.order=id
        Prefer: return=representation
        {"title":"Sunshine!","director_id":1}
        => 200
        [{"title":"Sunshine!","directors":{"name":"Lumière","films":[{"title":"Workers"},{"title":"Sunshine!"}]}}]

        DELETE /films?id=eq.100&select=title,directors(name)
        Prefer: return=representation
        => 200
        [{"title":"Sunshine!","directors":{"name":"Lumière"}}]

        GET /films?id=eq.100
        => 200
        []
        
        # Many rows come back in the order in which they were given.
        POST /films?select=id,title,directors(name)
        Prefer: return=representation
        [{"id":93,"title":"c","director_id":1},{"id":91,"title":"a","director_id":2},{"id":92,"title":"b","director_id":1}]
        => 201
        [{"id":93,"title":"c","directors":{"name":"Lumière"}},{"id":91,"title":"a","directors":{"name":"Boyle"}},
         {"id":92,"title":"b","directors":{"name":"Lumière"}}]

        POST /roles?select=film_id,actor_id,films(title)
        Prefer: return=representation
        [{"film_id":93,"actor_id":2},{"film_id":91,"actor_id":3},{"film_id":91,"actor_id":1}]
        => 201
        [{"film_id":93,"actor_id":2,"films":{"title":"c"}},{"film_id":91,"actor_id":3,"films":{"title":"a"}},
         {"film_id":91,"actor_id":1,"films":{"title":"a"}}]

        POST /directors?select=id,films(title)
        Prefer: return=representation
        [{"id":82,"name":"y","films":[{"title":"y1"}]},{"id":81,"name":"x","films":[]}]
        => 201
        [{"id":82,"films":[{"title":"y1"}]},{"id":81,"films":[]}]

        # Asked for an order, they have that one.
        POST /directors?select=id&order=id.desc
        Prefer: return=representation
        [{"id":83,"name":"z"},{"id":84,"name":"z"}]
        => 201
        [{"id":84},{"id":83}]
        "#,
    );
}
