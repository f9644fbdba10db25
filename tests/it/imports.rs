//! Bots exported from another program, imported and played to their end through the real server.

use simulator::{Choose, Content, Entry};

use crate::support::{PATIENCE, Setup, World};

const PHONE: usize = 1;

/// A world in which the export of this name answers.
async fn imported(name: &str) -> World {
    let path = format!("{}/tests/data/imports/{name}.whatsapp-builder.json", env!("CARGO_MANIFEST_DIR"));
    let export = std::fs::read_to_string(path).unwrap();
    assert_eq!(chatbot::import::detect(&export), Some(chatbot::import::Kind::WhatsappBuilder));
    // Its requests are refused before anything is looked up.
    let export = export.replace("orders.example.test", "127.0.0.1:9");
    let imported = chatbot::import::whatsapp_builder(&export).unwrap();
    Setup::default().bot(&imported.bot_json.to_string()).start().await
}

struct Play(World);

impl Play {
    /// The next message of the bot must begin with this.
    async fn hears(&self, begin: &str) -> Entry {
        let entry = self.0.handle.next_message(PHONE, PATIENCE).await.unwrap();
        assert!(entry.text.starts_with(begin), "{begin:?} was expected, this came: {entry:?}");
        entry
    }

    fn says(&self, words: &str) {
        self.0.handle.text(PHONE, words).unwrap();
    }

    fn taps(&self, title: &str) {
        self.0.handle.tap(PHONE, &Choose::Title(title.into())).unwrap();
    }

    fn picks(&self, title: &str) {
        self.0.handle.pick(PHONE, &Choose::Title(title.into())).unwrap();
    }

    fn fills(&self, form: &Entry, field: &str, value: &str) {
        let response = [(field.to_owned(), value.into())].into_iter().collect();
        let content = Content::FlowReply { wamid: form.wamid.clone(), response };
        self.0.handle.send(PHONE, &content.into()).unwrap();
    }

    /// The run has ended and nothing more was said or went wrong.
    async fn ends(self) {
        let world = self.0;
        world.wait_consumed().await;
        let phone = world.handle.phone(PHONE).unwrap().wa_id;
        let conversation = world.conversation(&phone).await;
        assert_eq!((&conversation["state"], &conversation["node"]), (&"idle".into(), &serde_json::Value::Null));
        assert!(world.items("/api/v1/dead-letters").await.is_empty());
        assert!(world.handle.next_message(PHONE, std::time::Duration::from_millis(50)).await.is_err());
        world.end().await;
    }
}

#[tokio::test]
async fn the_clinic_is_played_to_its_end_for_an_adult() {
    let play = Play(imported("clinic").await);
    play.says("hello");
    play.hears("Hello and welcome to the Riverside Clinic.\nYour number is").await;
    play.hears("What is your name?").await;
    play.says("Ada Obi");
    let list = play.hears("Thank you, Ada Obi. Which department do you need?").await;
    let titles: Vec<_> = list.choices.iter().map(|choice| choice.title.as_str()).collect();
    assert_eq!((titles.len(), titles[0], titles[3]), (4, "Eyes", "Billing"));
    assert_eq!(list.list_button.as_deref(), Some("Departments"));
    play.picks("Billing");
    play.hears("Billing is open on weekdays").await;
    play.hears("Thank you, Ada Obi. Which department").await;
    play.picks("Eyes");
    play.hears("How old is the patient?").await;
    play.says("42");
    let when = play.hears("When suits you best?").await;
    assert_eq!(when.choices.len(), 3);
    play.taps("Morning");
    play.hears("Please do not wear contact lenses").await;
    play.hears("Summary: Ada Obi, 42 years, Eyes, Morning.").await;
    play.hears("Shall we go ahead, Ada Obi?").await;
    play.taps("Go ahead");
    let form = play.hears("Please fill in the form.").await;
    play.fills(&form, "birthday", "1984-03-03");
    play.hears("Thank you! We will call you, Ada Obi.").await;
    play.ends().await;
}

#[tokio::test]
async fn the_clinic_is_played_to_its_end_for_a_child_with_a_change_of_mind() {
    let play = Play(imported("clinic").await);
    play.says("hello");
    play.hears("Hello and welcome").await;
    play.hears("What is your name?").await;
    play.says("Ben");
    play.hears("Thank you, Ben.").await;
    play.picks("Skin");
    play.hears("How old is the patient?").await;
    play.says("12");
    let guardian = play.hears("Will a parent or guardian come along?").await;
    let no = guardian.choices[1].title.clone();
    assert!(no.starts_with("No, not this time") && no.chars().count() <= 20, "{no}");
    play.taps(&no);
    play.hears("Patients under 18 need a guardian.").await;
    play.hears("When suits you best?").await;
    play.taps("Any time");
    play.hears("Summary: Ben, 12 years, Skin, Any time.").await;
    play.hears("Shall we go ahead, Ben?").await;
    play.taps("Change it");
    play.hears("Thank you, Ben.").await;
    play.picks("Eyes");
    play.hears("How old is the patient?").await;
    play.says("18");
    play.hears("When suits you best?").await;
    play.taps("Afternoon");
    play.hears("Summary: Ben, 18 years, Eyes, Afternoon.").await;
    play.hears("Shall we go ahead").await;
    play.taps("Go ahead");
    let form = play.hears("Please fill in the form.").await;
    play.fills(&form, "birthday", "2008-03-03");
    play.hears("Thank you! We will call you, Ben.").await;
    play.ends().await;
}

#[tokio::test]
async fn the_pizzeria_is_played_to_its_end_with_a_delivery() {
    let play = Play(imported("pizza").await);
    play.says("ciao");
    play.hears("🍕 Welcome to Forno!").await;
    play.hears("What would you like?").await;
    play.taps("Opening hours");
    play.hears("Tuesday to Sunday").await;
    play.hears("What would you like?").await;
    play.taps("Order a pizza");
    let first_page = play.hears("Which pizza?").await;
    assert!(first_page.choices.len() <= 10, "a list holds ten rows: {first_page:?}");
    let more = first_page.choices.last().unwrap().title.clone();
    play.picks(&more);
    let second_page = play.hears("").await;
    assert!(second_page.choices.iter().any(|choice| choice.title == "Bianca"), "{second_page:?}");
    play.picks("Bianca");
    play.hears("One Bianca. Which size?").await;
    play.taps("Large");
    play.hears("How many?").await;
    play.says("6");
    play.hears("That is a party! Allow us an hour.").await;
    play.hears("Delivery or pick-up?").await;
    play.taps("Delivery");
    play.hears("Where shall we bring it?").await;
    play.says("Canal Street 7");
    play.hears("On its way to Canal Street 7: 6 × Bianca (Large).").await;
    // Nobody answers the request: the error edge is taken.
    play.hears("Thank you, see you soon!").await;
    play.ends().await;
}

#[tokio::test]
async fn the_pizzeria_is_played_to_its_ends_by_typing() {
    let play = Play(imported("pizza").await);
    play.says("ciao");
    play.hears("🍕 Welcome to Forno!").await;
    play.hears("What would you like?").await;
    play.says("Order a pizza");
    play.hears("Which pizza?").await;
    play.says("funghi");
    play.hears("One Funghi. Which size?").await;
    play.says("small");
    play.hears("How many?").await;
    play.says("2");
    play.hears("Delivery or pick-up?").await;
    play.says("Pick-up");
    play.hears("Ready for you in 20 minutes: 2 × Funghi (Small).").await;
    play.hears("Thank you, see you soon!").await;
    play.says("ciao again");
    play.hears("🍕 Welcome to Forno!").await;
    play.hears("What would you like?").await;
    play.taps("Talk to us");
    play.hears("Call us at the shop").await;
    play.ends().await;
}

/// Another program that bots ask: its answers by method and path, and what it was asked.
async fn other_program(answers: &'static [(&'static str, &'static str, u16, &'static str)]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = move |request: axum::extract::Request| async move {
        let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
        let found = answers.iter().find(|(m, p, _, _)| *m == method && path.starts_with(p));
        let (status, body) = found.map_or((404, "{}"), |(_, _, status, body)| (*status, *body));
        let status = axum::http::StatusCode::from_u16(status).unwrap();
        (status, [("content-type", "application/json")], body)
    };
    let router = axum::Router::new().fallback(axum::routing::any(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// A world in which an export answers, whose requests go to another program on this machine.
async fn connected(
    file: &str,
    host: &str,
    secrets: &[&str],
    answers: &'static [(&'static str, &'static str, u16, &'static str)],
) -> World {
    let address = other_program(answers).await;
    let path = format!("{}/tests/data/imports/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let imported = chatbot::import::import(&std::fs::read_to_string(path).unwrap(), None).unwrap();
    // Where an importer knows no address it writes one that is nobody's.
    let there = |bot: String, host: &str| bot.replace(host, &format!("http://{address}"));
    let bot = there(there(imported.written(), host), "https://calendar.example");
    let mut setup = Setup::default().bot(&bot).set("http.allow", &address);
    for secret in secrets {
        setup = setup.set(&format!("bots.secrets.{}", secret.to_lowercase()), "fixture-of-a-secret");
    }
    setup.start().await
}

#[tokio::test]
async fn the_shop_of_rapidpro_is_played_to_its_end() {
    let answers = &[
        ("GET", "/items", 200, r#"{"names": ["Bread", "Milk", "Eggs"]}"#),
        ("POST", "/orders", 201, r#"{"id": "A-7"}"#),
    ];
    let secrets = ["CORNER_SHOP_19_X_API_KEY"];
    let play = Play(connected("shop.rapidpro", "https://shop.example", &secrets, answers).await);
    play.says("good morning");
    play.hears("Good day").await;
    let list = play.hears("Today we have Bread, Milk, Eggs.").await;
    assert_eq!(list.choices.len(), 4, "{list:?}");
    play.says("caviar");
    play.hears("We do not have that. (1 of 3)").await;
    play.hears("Today we have").await;
    play.picks("Milk");
    play.hears("How many milk?").await;
    play.says("20 please");
    play.hears("That is a lot!").await;
    play.hears("20 Milk for 22.50 coins. Right?").await;
    play.taps("Yes");
    play.hears("When shall we bring it?").await;
    play.says("at 5:30 pm");
    play.hears("An email address").await;
    play.says("ada@example.com");
    play.hears("Order A-7 is on its way at 17:30. The bill goes to ada@example.com.").await;
    play.hears("Next time:").await;
    play.hears("How was it").await;
    play.picks("5");
    play.hears("Thank you, ").await;
    play.ends().await;
}

#[tokio::test]
async fn the_mothers_of_rapidpro_are_played_to_their_end() {
    let answers = &[("POST", "/mothers", 200, r#"{"number": "M-12"}"#)];
    let secrets = ["REGISTER_15_AUTHORIZATION"];
    let play = Play(connected("mothers.rapidpro", "https://registry.example", &secrets, answers).await);
    play.says("hello");
    play.hears("Hello ").await;
    play.hears("Which language do you prefer?").await;
    play.taps("Español");
    play.hears("¿Cómo se llama?").await;
    play.says("maria lopez");
    play.hears("¿Cuántos años tiene, Maria Lopez?").await;
    play.says("27");
    play.hears("¿En qué pueblo vive?").await;
    play.says("Nakuru");
    play.hears("¿Cuándo nace?").await;
    play.says("20/12/2026");
    play.hears("¿Otro número?").await;
    play.says("ninguno");
    play.hears("Su número es M-12.").await;
    play.hears("¿Qué podemos hacer por usted, Maria Lopez?").await;
    play.picks("Consejo");
    play.hears("").await;
    play.hears("¿Qué podemos").await;
    play.picks("Parar");
    play.hears("No escribiremos más.").await;
    play.ends().await;
}

#[tokio::test]
async fn the_bikes_of_typebot_are_played_to_their_end() {
    let answers = &[
        ("GET", "/bikes", 200, r#"{"items": [{"name": "Red Racer"}, {"name": "Blue Tandem"}]}"#),
        ("POST", "/bookings", 201, r#"{"id": 42}"#),
    ];
    let secrets = ["BOOK_1_X_API_KEY", "RENT_1_AUTHORIZATION"];
    let play = Play(connected("bikes.typebot", "https://api.bikes.example", &secrets, answers).await);
    play.says("I need a bike");
    play.hears("Welcome to *Bright Bikes*!").await;
    play.hears("").await;
    let menu = play.hears("Hello ").await;
    assert_eq!(menu.choices.len(), 5, "{menu:?}");
    play.picks("Rent a bike");
    play.hears("Which bike? The most popular is Red Racer.").await;
    play.taps("Blue Tandem");
    play.hears("From which day?").await;
    play.says("2026-12-24");
    play.hears("At what time").await;
    play.says("9:30 am");
    play.hears("For how many days?").await;
    play.says("7");
    play.hears("That is *87.5 coins*").await;
    play.picks("Helmet");
    play.hears("That is *87.5 coins*").await;
    play.picks("That is all");
    play.hears("Your email").await;
    play.says("ada@example.com");
    play.hears("And a telephone number?").await;
    play.says("+44 7700 900123");
    play.hears("Blue Tandem from 2026-12-24 at 09:30, 7 days, extras: Helmet.").await;
    play.taps("Yes, book it");
    play.hears("Booked! Your number is 42.").await;
    play.hears("How was our service?").await;
    play.hears("(1 = bad").await;
    play.says("5");
    play.hears("Thank you, ").await;
    play.hears("https://bikes.example/thanks?ref=").await;
    play.ends().await;
}

#[tokio::test]
async fn the_travels_of_whatsapp_builder_are_played_to_their_end() {
    const TRIPS: &str = r#"{"data": {"trips": [
        {"id": 7, "title": "Alps", "price": "900", "season": {"code": "winter"}},
        {"id": 8, "title": "Beach", "season": {"code": "summer"}}
    ]}}"#;
    let answers = &[
        ("GET", "/v1/trips", 200, TRIPS),
        ("GET", "/v1/meals", 200, r#"{"meals": [{"name": "Standard"}, {"name": "Vegan"}]}"#),
        ("POST", "/v1/bookings", 201, r#"{"booking": {"number": "T-9"}}"#),
        ("POST", "/v1/news", 200, "{}"),
        ("PUT", "/v1/cards", 200, "{}"),
        ("GET", "/", 200, r#"{"free": ["09:00"]}"#),
    ];
    let secrets = ["BOOK_PASSWORD", "LOAD_TOKEN", "MEALS_KEY"];
    let host = "https://api.travel.example";
    let play = Play(connected("travel.whatsapp-builder", host, &secrets, answers).await);
    play.says("hi");
    play.hears("Welcome to Blue Sky Travel").await;
    play.hears("What is your name?").await;
    play.says("Ada");
    play.hears("Which trip, Ada?").await;
    play.picks("Alps");
    play.hears("Alps: which class?").await;
    play.taps("Economy");
    play.hears("How many people travel?").await;
    play.says("2");
    play.hears("Which meal?").await;
    play.taps("Standard");
    play.hears("Where do you like to sit?").await;
    play.picks("Aisle");
    let form = play.hears("Please fill in the passport form, Ada.").await;
    play.fills(&form, "number", "X1234567");
    play.hears("When shall we call you?").await;
    play.says("in the evening");
    play.hears("Booked: number T-9. Was it easy?").await;
    play.taps("Yes");
    play.hears("Thank you Ada, have a good trip!").await;
    play.ends().await;
}

#[tokio::test]
async fn an_export_is_imported_over_the_api_and_nothing_goes_live() {
    let world = World::start().await;
    let before = world.items("/api/v1/bots").await;
    let path = format!("{}/tests/data/imports/bikes.typebot.json", env!("CARGO_MANIFEST_DIR"));
    let export = std::fs::read_to_string(path).unwrap();
    let ask = |query: &str, body: Vec<u8>| {
        let call = world.admin_call(reqwest::Method::POST, &format!("/api/v1/bots/import{query}")).body(body);
        async move {
            let answer = call.send().await.unwrap();
            (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
        }
    };
    for query in ["", "?from=typebot"] {
        let (status, body) = ask(query, export.clone().into_bytes()).await;
        let imported = chatbot::import::import(&export, None).unwrap();
        assert_eq!((status, &body["bot"]), (200, &imported.bot_json));
        assert_eq!(body["changes"], serde_json::json!(imported.changes));
        assert_eq!(body["version"], imported.bot.version());
    }
    for (query, body, status, kind) in [
        ("", b"{".to_vec(), 422, "not-json"),
        ("", b"{}".to_vec(), 422, "no-export"),
        ("?from=rapidpro", export.clone().into_bytes(), 422, "no-export"),
        ("?from=paper", b"{}".to_vec(), 400, "bad-request"),
        ("?form=typebot", b"{}".to_vec(), 400, "unknown-parameter"),
        ("", vec![0xff, 0xfe], 400, "bad-request"),
    ] {
        let (found, answer) = ask(query, body).await;
        assert_eq!(found, status, "{query}: {answer}");
        assert!(answer["type"].as_str().is_some_and(|found| found.ends_with(kind)), "{query}: {answer}");
        assert!(answer["hint"].is_string() || status == 400, "{query}: {answer}");
    }
    let huge = vec![b' '; chatbot::caps::MAX_IMPORT_BYTES + 2];
    assert_eq!(ask("", huge).await.0, 413);
    assert_eq!(world.items("/api/v1/bots").await, before);
    world.end().await;
}
