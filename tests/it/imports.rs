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
