"""What the sandbox company is made of: named people, offices, applications, hardware. Tables only; company.py fills them in."""

from dataclasses import dataclass

DANA, OMAR, PRIYA, SAM, KIM, VIC = "e1001", "e1002", "e1003", "e1004", "e1005", "e1006"
INES, GRACE, NOOR, TOMAS, JONAS, MARTA = "e1007", "e1008", "e1009", "e1010", "e1011", "x1001"

HEADCOUNT = 300
"""People in all, guests included."""


@dataclass(frozen=True, slots=True)
class Office:
    name: str
    country: str
    timezone: str
    weight: int
    """How many of the generated people work there, relative to the other offices."""


OFFICES = (
    Office("New York", "US", "America/New_York", 24),
    Office("Austin", "US", "America/Chicago", 10),
    Office("San Francisco", "US", "America/Los_Angeles", 12),
    Office("Berlin", "DE", "Europe/Berlin", 14),
    Office("Munich", "DE", "Europe/Berlin", 6),
    Office("London", "GB", "Europe/London", 12),
    Office("Paris", "FR", "Europe/Paris", 8),
    Office("Bengaluru", "IN", "Asia/Kolkata", 10),
    Office("São Paulo", "BR", "America/Sao_Paulo", 6),
)

LOCALES = {"US": "en-US", "DE": "de-DE", "GB": "en-GB", "FR": "fr-FR", "IN": "en-IN", "BR": "pt-BR"}


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody whom documentation and tests call by name. Everybody is an employee unless they are a guest."""

    key: str
    name: str
    email: str
    title: str
    department: str
    office: str
    locale: str
    manager_key: str | None
    hired: str
    groups: tuple[str, ...] = ()
    guest: bool = False
    privileged: bool = False
    enrolled: bool = True


NAMED = (
    Named(DANA, "Dana Whitfield", "dana@acme.example", "Product Designer", "Product", "New York", "en-US", PRIYA, "2021-03-15"),
    Named(OMAR, "Omar Khalil", "omar@acme.example", "Product Analyst", "Product", "Berlin", "en-DE", PRIYA, "2020-09-01"),
    Named(PRIYA, "Priya Nair", "priya@acme.example", "Director of Product", "Product", "New York", "en-US", VIC, "2017-05-02"),
    Named(SAM, "Sam Okoye", "sam@acme.example", "IT Support Engineer", "IT", "New York", "en-US", INES, "2019-11-04", ("it-support",)),
    Named(KIM, "Kim Larsen", "kim@acme.example", "Knowledge Manager", "IT", "London", "en-GB", INES, "2018-02-19", ("knowledge-admins",)),
    Named(
        VIC,
        "Vic Sterling",
        "vic@acme.example",
        "Chief Executive Officer",
        "Executive",
        "New York",
        "en-US",
        None,
        "2012-01-09",
        ("executives",),
        privileged=True,
    ),
    Named(INES, "Ines Duarte", "ines@acme.example", "Head of IT", "IT", "New York", "en-US", VIC, "2016-08-22", ("service-owners",)),
    Named(
        GRACE,
        "Grace Okafor",
        "grace@acme.example",
        "Head of People",
        "People",
        "London",
        "en-GB",
        VIC,
        "2015-10-12",
        ("people-team", "service-owners"),
    ),
    Named(NOOR, "Noor Haddad", "noor@acme.example", "IT Support Engineer", "IT", "Berlin", "en-DE", INES, "2022-06-01", ("it-support",)),
    Named(
        TOMAS, "Tomás Herrera", "tomas@acme.example", "People Partner", "People", "New York", "en-US", GRACE, "2020-01-13", ("people-team",)
    ),
    Named(
        JONAS, "Jonas Weber", "jonas@acme.example", "Key Account Director", "Sales", "Munich", "en-DE", VIC, "2023-04-03", enrolled=False
    ),
    Named(MARTA, "Marta Kowalska", "marta@partner.example", "Contractor", "Product", "Berlin", "en-DE", PRIYA, "2024-01-15", guest=True),
)

DEPARTMENTS = {
    "Engineering": (90, ("Software Engineer", "Senior Software Engineer", "Site Reliability Engineer", "Test Engineer", "Data Engineer")),
    "Product": (24, ("Product Designer", "Product Analyst", "Product Manager", "User Researcher")),
    "Sales": (60, ("Account Executive", "Sales Engineer", "Sales Development Representative", "Account Manager")),
    "Marketing": (26, ("Marketing Manager", "Content Strategist", "Campaign Analyst")),
    "Customer Support": (38, ("Support Specialist", "Customer Success Manager")),
    "Finance": (18, ("Accountant", "Financial Analyst", "Payroll Specialist", "Buyer")),
    "People": (12, ("Recruiter", "People Partner", "Benefits Specialist")),
    "IT": (10, ("Systems Administrator", "Network Engineer", "Security Analyst")),
    "Legal": (6, ("Counsel", "Paralegal")),
    "Workplace": (16, ("Office Manager", "Facilities Coordinator", "Receptionist")),
}
"""Department -> (relative size, titles)."""

HEADS = {"Product": PRIYA, "IT": INES, "People": GRACE}
"""Departments whose head is a named person; the others get a generated one, who reports to Vic."""

FIRST_NAMES = {
    "US": "Alice Brandon Carmen Derek Emily Frank Gloria Henry Isabel Jason Karen Logan Megan Nathan Olivia Peter Rachel Steven Tara Wyatt",
    "DE": "Anke Bernd Clara Dieter Elke Florian Greta Hannes Ilse Jürgen Katrin Lukas Monika Niklas Petra Ralf Sabine Torsten Ute Wolf",
    "GB": "Abigail Callum Daisy Edward Freya George Harriet Imogen Jack Lewis Molly Nigel Oscar Poppy Rupert Sophie Toby Una Victor Zara",
    "FR": "Amélie Baptiste Camille Denis Élodie Fabien Gaëlle Hugo Irène Julien Léa Mathieu Nadine Olivier Pauline Quentin Solène Théo",
    "IN": "Aarav Bhavna Chetan Divya Esha Farhan Gauri Harish Ishaan Jaya Kavya Lakshmi Manoj Neha Rahul Sanjay Tanvi Uday Vikram Yash",
    "BR": "Ana Bruno Camila Diego Eduarda Felipe Gabriela Heitor Júlia Larissa Mateus Natália Otávio Paulo Rafaela Thiago Vitória",
}

LAST_NAMES = {
    "US": "Anderson Baker Carter Diaz Evans Foster Garcia Hughes Jenkins Kelly Lopez Mitchell Nelson Ortiz Parker Reed Sanders Turner",
    "DE": "Arnold Becker Dietrich Engel Fischer Graf Hoffmann Jung Keller Lang Maier Neumann Otto Pohl Richter Schäfer Vogel Wagner",
    "GB": "Ashworth Bennett Clarke Davies Ellis Fletcher Green Harris Irving Jones Knight Lowe Marsh Norris Palmer Quinn Rhodes Shaw",
    "FR": "Aubert Blanc Chevalier Dubois Faure Girard Henry Lambert Martin Noël Petit Roux Simon Thomas Vidal",
    "IN": "Agarwal Bose Chopra Desai Gupta Iyer Joshi Kapoor Menon Patel Rao Reddy Shah Sharma Singh Verma",
    "BR": "Almeida Barbosa Cardoso Dias Ferreira Gomes Lima Martins Nunes Oliveira Pereira Ribeiro Santos Teixeira",
}


@dataclass(frozen=True, slots=True)
class App:
    """`owner`: a named person's key, a department (its head owns it), or None."""

    key: str
    name: str
    roles: tuple[str, ...]
    owner: str | None
    aliases: tuple[str, ...] = ()
    default_role: str | None = None
    sensitive: tuple[str, ...] = ("admin",)
    departments: tuple[str, ...] = ()
    """Who has the default role from the start; "*" = every employee."""


APPLICATIONS = (
    App("figma", "Figma", ("viewer", "editor", "admin"), PRIYA, ("figma design", "figjam"), "viewer"),
    App("github", "GitHub", ("read", "write", "admin"), "Engineering", ("git hub", "gh"), "read", departments=("Engineering",)),
    App("jira", "Jira", ("viewer", "member", "project-admin"), "Engineering", ("jira software",), "member",
        ("project-admin",), ("Engineering",)),
    App("confluence", "Confluence", ("viewer", "editor", "space-admin"), KIM, ("wiki",), "viewer", ("space-admin",), ("Engineering",)),
    App("salesforce", "Salesforce", ("read-only", "sales-user", "admin"), "Sales", ("sfdc", "sales force", "crm"),
        "sales-user", departments=("Sales",)),
    App("hubspot", "HubSpot", ("viewer", "marketer", "admin"), "Marketing", ("hub spot",), "viewer", departments=("Marketing",)),
    App("tableau", "Tableau", ("viewer", "explorer", "creator", "admin"), "Finance", ("tableau cloud", "dashboards"), "viewer"),
    App("looker", "Looker", ("viewer", "explorer", "developer", "admin"), "Finance", (), "viewer"),
    App("snowflake", "Snowflake", ("reader", "analyst", "engineer", "account-admin"), "Engineering",
        ("data warehouse",), "reader", ("account-admin",)),
    App("slack", "Slack", ("member", "workspace-admin"), INES, (), "member", ("workspace-admin",), ("*",)),
    App("zoom", "Zoom", ("basic", "licensed", "admin"), INES, ("zoom meetings",), "basic", departments=("*",)),
    App("microsoft-365", "Microsoft 365", ("user", "admin"), INES, ("office", "office 365", "o365", "outlook", "m365"),
        "user", departments=("*",)),
    App("workday", "Workday", ("employee", "hr-partner", "admin"), GRACE, ("work day",), "employee", ("hr-partner", "admin"), ("*",)),
    App("notion", "Notion", ("guest", "member", "admin"), PRIYA, (), "member", departments=("Marketing",)),
    App("miro", "Miro", ("viewer", "editor", "admin"), PRIYA, ("whiteboard",), "editor"),
    App("adobe-cc", "Adobe Creative Cloud", ("single-app", "all-apps", "admin"), "Marketing",
        ("adobe", "adobe cc", "photoshop", "illustrator"), "single-app"),
    App("aws-console", "AWS console", ("read-only", "developer", "administrator"), "Engineering",
        ("aws", "amazon web services"), "read-only", ("administrator",)),
    App("datadog", "Datadog", ("read-only", "standard", "admin"), "Engineering", ("data dog", "monitoring"), "read-only"),
    App("pagerduty", "PagerDuty", ("observer", "responder", "admin"), "Engineering", ("pager duty", "on-call"), "observer"),
    App("sentry", "Sentry", ("member", "admin"), "Engineering", (), "member"),
    App("zendesk", "Zendesk", ("light-agent", "agent", "admin"), "Customer Support", ("zen desk",), "agent",
        departments=("Customer Support",)),
    App("netsuite", "NetSuite", ("employee", "accountant", "controller", "admin"), "Finance", ("net suite", "erp"),
        "employee", ("controller", "admin")),
    App("coupa", "Coupa", ("requester", "buyer", "admin"), "Finance", ("purchasing portal",), "requester"),
    App("expensify", "Expensify", ("submitter", "approver", "admin"), "Finance", ("expenses",), "submitter"),
    App("greenhouse", "Greenhouse", ("interviewer", "recruiter", "site-admin"), GRACE, ("green house", "ats"),
        "interviewer", ("site-admin",)),
    App("docusign", "DocuSign", ("viewer", "sender", "admin"), "Legal", ("docu sign", "e-signature"), "viewer"),
    App("onepassword", "1Password", ("member", "vault-manager", "owner"), INES, ("one password", "password manager"),
        "member", ("vault-manager", "owner")),
    App("old-intranet", "Old Intranet", ("reader", "editor"), None, ("legacy intranet",), "reader", ("editor",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """`lead_days`: calendar days from order to delivery."""

    key: str
    name: str
    category: str
    price: float
    aliases: tuple[str, ...] = ()
    lead_days: int = 5


CURRENCY = "USD"

CATALOGUE = (
    Item("macbook-pro-14", "MacBook Pro 14-inch", "laptop", 2199.0, ("macbook", "macbook pro", "mac", "apple laptop"), 10),
    Item("macbook-air-13", "MacBook Air 13-inch", "laptop", 1299.0, ("macbook air", "light mac"), 8),
    Item("thinkpad-x1", "ThinkPad X1 Carbon", "laptop", 1849.0, ("thinkpad", "lenovo laptop", "windows laptop"), 10),
    Item("dell-xps-15", "Dell XPS 15", "laptop", 1749.0, ("xps", "dell laptop"), 10),
    Item("monitor-24", "24-inch monitor", "monitor", 219.0, ("small monitor", "24 inch screen", "24in monitor")),
    Item("monitor-27-4k", "27-inch 4K monitor", "monitor", 429.0, ("27 inch screen", "4k monitor", "27in monitor")),
    Item("monitor-34-curved", "34-inch curved monitor", "monitor", 649.0, ("ultrawide", "curved screen", "wide monitor"), 7),
    Item("dock-usb-c", "USB-C docking station", "dock", 189.0, ("dock", "docking station", "usb-c dock")),
    Item("dock-thunderbolt", "Thunderbolt 4 docking station", "dock", 299.0, ("thunderbolt dock",)),
    Item("keyboard-standard", "Wireless keyboard", "keyboard", 59.0, ("keyboard",), 3),
    Item("keyboard-ergonomic", "Ergonomic keyboard", "keyboard", 129.0, ("split keyboard", "ergo keyboard"), 4),
    Item("mouse-standard", "Wireless mouse", "mouse", 29.0, ("mouse",), 3),
    Item("mouse-vertical", "Vertical mouse", "mouse", 79.0, ("ergonomic mouse",), 4),
    Item("trackpad", "Magic Trackpad", "mouse", 119.0, ("touchpad",), 4),
    Item("headset-wired", "Wired USB headset", "headset", 69.0, ("wired headset",), 3),
    Item("headset-wireless", "Wireless noise-cancelling headset", "headset", 249.0,
        ("headset", "headphones", "noise cancelling headphones"), 4),
    Item("webcam-hd", "HD webcam", "webcam", 89.0, ("webcam", "camera"), 3),
    Item("phone-iphone", "iPhone 15", "phone", 799.0, ("iphone", "apple phone"), 7),
    Item("phone-pixel", "Pixel 8", "phone", 599.0, ("pixel", "android phone"), 7),
    Item("tablet-ipad", "iPad Air", "tablet", 649.0, ("ipad", "tablet"), 7),
    Item("laptop-stand", "Laptop stand", "accessory", 49.0, ("stand",), 3),
    Item("adapter-usb-c-hdmi", "USB-C to HDMI adapter", "accessory", 25.0, ("hdmi adapter", "dongle"), 2),
    Item("charger-usb-c-96w", "96 W USB-C charger", "accessory", 79.0, ("charger", "laptop charger", "power adapter"), 3),
    Item("desk-lamp", "Desk lamp", "accessory", 45.0, ("lamp",), 5),
)  # fmt: skip

TICKETS = (
    ("incident", "VPN drops every few minutes"),
    ("incident", "Laptop is slow after the last update"),
    ("incident", "Cannot print on the second floor"),
    ("incident", "No sound in video calls"),
    ("incident", "Outlook keeps asking for my password"),
    ("request", "Install a PDF editor"),
    ("request", "New badge"),
    ("request", "Move desk to another floor"),
    ("request", "Add me to the marketing mailing list"),
    ("request", "Second monitor for the home office"),
)
