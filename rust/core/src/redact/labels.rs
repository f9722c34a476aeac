//! Labels of personal data, without separators and in lower case.

use super::pii::Datum;
use super::words::Vocabulary;
use std::sync::LazyLock;

#[rustfmt::skip]
const LABELS: [(Datum, &str); 11] = [
    (
        Datum::Phone,
        "phone phonenumber mobile mobilenumber mobilephone cellphone telephone tel telno fax msisdn telefon \
         telefono telefone handynummer whatsapp cellnumber phoneno",
    ),
    (
        Datum::NationalId,
        "ssn socialsecurity socialsecuritynumber socialsecurityno taxid taxnumber taxidentifier tin itin ein \
         passport passportnumber passportno passportid driverlicense driverslicense drivinglicence \
         drivinglicense driverlicence licencenumber licensenumber driverslicensenumber driverslicenseno \
         nationalid nationalidnumber idnumber identitynumber personalid personnummer cpf cnpj nif nie dni \
         nino nationalinsurance nationalinsurancenumber nhs nhsnumber aadhaar aadhar aadhaarnumber pan \
         pannumber bsn sin codicefiscale fiscalcode pesel steuerid steuernummer ahv cni nir curp medicare \
         medicarenumber tfn hkid nric rrn mynumber cedula rut egn cnp oib isikukood hetu henkilotunnus \
         fodselsnummer cprnummer cprnumber kennitala amka tckn tckimlik rodnecislo insurancenumber \
         healthinsurancenumber visanumber votersid voterid vehicleregistration accountnumber bankaccount \
         vatnumber vatid vin imei imsi licenseplate numberplate fødselsnummer henkilötunnus routingnumber sortcode",
    ),
    (
        Datum::Birth,
        "dob dateofbirth birthdate birthday birthdt geburtsdatum bornon",
    ),
    (
        Datum::Name,
        "firstname lastname fullname surname givenname familyname middlename maidenname cardholder \
         cardholdername patientname customername nachname vorname mothersmaidenname",
    ),
    (
        Datum::Address,
        "street streetaddress homeaddress postaladdress mailingaddress billingaddress shippingaddress \
         addressline addressline1 address1 residentialaddress deliveryaddress address",
    ),
    (
        Datum::Geo,
        "lat lng lon latitude longitude coordinates coords geolocation latlng latlong gps gpscoordinates \
         geopoint latlon",
    ),
    (
        Datum::Iban,
        "iban ibannumber",
    ),
    (
        Datum::Card,
        "creditcard creditcardnumber cardnumber ccnumber ccnum cardno debitcard",
    ),
    (
        Datum::Ip,
        "ip ipaddress ipaddr clientip remoteaddr remoteip xforwardedfor forwardedfor sourceip peerip",
    ),
    (
        Datum::Mac,
        "mac macaddress macaddr hwaddr hardwareaddress bssid",
    ),
    (
        Datum::Wallet,
        "wallet walletaddress bitcoin bitcoinwallet btcaddress bitcoinaddress ethaddress",
    ),
];

static DATA: LazyLock<Vocabulary<Datum>> = LazyLock::new(|| Vocabulary::new(labels(), |_, new| new));

fn labels() -> impl Iterator<Item = (&'static str, Datum)> {
    LABELS.iter().flat_map(|(datum, list)| list.split_ascii_whitespace().map(|word| (word, *datum)))
}

/// Every label.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    labels().map(|(label, _)| label)
}

/// The datum that a label names.
pub(crate) fn datum_of(label: &[u8]) -> Option<Datum> {
    DATA.get(label)
}
