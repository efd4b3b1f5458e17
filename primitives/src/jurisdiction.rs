//! Jurisdictions: the countries and territories of ISO 3166-1, by alpha-2 code (requirement I4).

/// An ISO 3166-1 alpha-2 code, upper case.
pub type Jurisdiction = [u8; 2];

/// Every code that ISO 3166-1 assigns, in order, three bytes apart.
const ASSIGNED: &[u8] = b"\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ \
    BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ \
    DE DJ DK DM DO DZ \
    EC EE EG EH ER ES ET \
    FI FJ FK FM FO FR \
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY \
    HK HM HN HR HT HU \
    ID IE IL IM IN IO IQ IR IS IT \
    JE JM JO JP \
    KE KG KH KI KM KN KP KR KW KY KZ \
    LA LB LC LI LK LR LS LT LU LV LY \
    MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ \
    NA NC NE NF NG NI NL NO NP NR NU NZ \
    OM \
    PA PE PF PG PH PK PL PM PN PR PS PT PW PY \
    QA \
    RE RO RS RU RW \
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ \
    TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ \
    UA UG UM US UY UZ \
    VA VC VE VG VI VN VU \
    WF WS \
    YE YT \
    ZA ZM ZW";

/// Whether ISO 3166-1 assigns the code to a country or territory. User-assigned and reserved codes are
/// not: nobody else could tell what they mean.
pub fn is_assigned(code: Jurisdiction) -> bool {
    ASSIGNED.chunks(3).any(|entry| entry.starts_with(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_in_order() {
        assert_eq!(ASSIGNED.len(), 249 * 3 - 1);
        let codes: Vec<_> = ASSIGNED.chunks(3).map(|entry| &entry[..2]).collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(
            ASSIGNED
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || *byte == b' ')
        );
    }

    #[test]
    fn only_assigned_codes_pass() {
        for code in [b"AD", b"DE", b"ZW"] {
            assert!(is_assigned(*code));
        }
        for code in [b"de", b"XX", b"EU", b"UK", b"D ", b" D", b"\0\0", b"EA"] {
            assert!(!is_assigned(*code), "{code:?}");
        }
    }
}
