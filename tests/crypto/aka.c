/*
 * Authentication functions against the test sets of 3GPP TS 35.208 and TS 55.205 (Milenage,
 * numbered as in TS 55.205) and TS 35.233 (TUAK), a recorded card, and the arithmetic of the test
 * algorithm.
 */
#include "crypto/aka.h"

#include "crypto/keccak.h"

#include "vector.h"

#include <openssl/evp.h>

struct set {
    const char *name, *k, *rand, *sqn, *amf, *op, *opc, *f1, *f1_star, *f2, *f3, *f4, *f5, *f5_star;
    unsigned iterations; /* TUAK */
};

static const struct set milenage_sets[] = {
    {"set 1", "465b5ce8b199b49faa5f0a2ee238a6bc", "23553cbe9637a89d218ae64dae47bf35",
     "ff9bb4d0b607", "b9b9", "cdc202d5123e20f62b6d676ac72cb318", "cd63cb71954a9f4e48a5994e37a02baf",
     "4a9ffac354dfafb3", "01cfaf9ec4e871e9", "a54211d5e3ba50bf", "b40ba9a3c58b2a05bbf0d987b21bf8cb",
     "f769bcd751044604127672711c6d3441", "aa689c648370", "451e8beca43b", 1},
    {"set 2", "fec86ba6eb707ed08905757b1bb44b8f", "9f7c8d021accf4db213ccff0c7f71a6a",
     "9d0277595ffc", "725c", "dbc59adcb6f9a0ef735477b7fadf8374", "1006020f0a478bf6b699f15c062e42b3",
     "9cabc3e99baf7281", "95814ba2b3044324", "8011c48c0c214ed2", "5dbdbb2954e8f3cde665b046179a5098",
     "59a92d3b476a0443487055cf88b2307b", "33484dc2136b", "deacdd848cc6", 1},
    {"set 3", "9e5944aea94b81165c82fbf9f32db751", "ce83dbc54ac0274a157c17f80d017bd6",
     "0b604a81eca8", "9e09", "223014c5806694c007ca1eeef57f004f", "a64a507ae1a2a98bb88eb4210135dc87",
     "74a58220cba84c49", "ac2cc74a96871837", "f365cd683cd92e96", "e203edb3971574f5a94b0d61b816345d",
     "0c4524adeac041c4dd830d20854fc46b", "f0b9c08ad02e", "6085a86c6f63", 1},
    {"set 4", "4ab1deb05ca6ceb051fc98e77d026a84", "74b0cd6031a1c8339b2b6ce2b8c4a186",
     "e880a1b580b6", "9f07", "2d16c5cd1fdf6b22383584e3bef2a8d8", "dcf07cbd51855290b92a07a9891e523e",
     "49e785dd12626ef2", "9e85790336bb3fa2", "5860fc1bce351e7e", "7657766b373d1c2138f307e3de9242f9",
     "1c42e960d89b8fa99f2744e0708ccb53", "31e11a609118", "fe2555e54aa9", 1},
    {"set 5", "6c38a116ac280c454f59332ee35c8c4f", "ee6466bc96202c5a557abbeff8babf63",
     "414b98222181", "4464", "1ba00a1a7c6700ac8c3ff3e96ad08725", "3803ef5363b947c6aaa225e58fae3934",
     "078adfb488241a57", "80246b8d0186bcf1", "16c8233f05a0ac28", "3f8c7587fe8e4b233af676aede30ba3b",
     "a7466cc1e6b2a1337d49d3b66e95d7b4", "45b0f69ab06c", "1f53cd2b1113", 1},
    {"set 6", "2d609d4db0ac5bf0d2c0de267014de0d", "194aa756013896b74b4a2a3b0af4539e",
     "6bf69438c2e4", "5f67", "460a48385427aa39264aac8efc9e73e8", "c35a0ab0bcbfc9252caff15f24efbde0",
     "bd07d3003b9e5cc3", "bcb6c2fcad152250", "8c25a16cd918a1df", "4cd0846020f8fa0731dd47cbdc6be411",
     "88ab80a415f15c73711254a1d388f696", "7e6455f34cf3", "dc6dd01e8f15", 1},
    {"set 18", "5122250214c33e723a5dd523fc145fc0", "81e92b6c0ee0e12ebceba8d92a99dfa5",
     "16f3b3f70fc2", "c3ab", "c9e8763286b5b9ffbdf56e1297d0887b", "981d464c7c52eb6e5036234984ad0bcf",
     "2a5c23d15ee351d5", "62dae3853f3af9d2", "28d7b0f2a2ec3de5", "5349fbe098649f948f5d2e973a81c00f",
     "9744871ad32bf9bbd1dd5ce54e3e2e5a", "ada15aeb7bb8", "d461bc15475d", 1},
    {"set 7", "a530a7fe428fad1082c45eddfce13884", "3a4c2b3245c50eb5c71d08639395764d",
     "f63f5d768784", "b90e", "511c6c4e83e38c89b1c5d8dde62426fa", "27953e49bc8af6dcc6e730eb80286be3",
     "53761fbd679b0bad", "21adfd334a10e7ce", "a63241e1ffc3e5ab", "10f05bab75a99a5fbb98a9c287679c3b",
     "f9ec0865eb32f22369cade40c59c3a44", "88196c47986f", "c987a3d23115", 1},
    {"set 8", "d9151cf04896e25830bf2e08267b8360", "f761e5e93d603feb730e27556cb8a2ca",
     "47ee0199820a", "9113", "75fc2233a44294ee8e6de25c4353d26b", "c4c93effe8a08138c203d4c27ce4e3d9",
     "66cc4be44862af1f", "7a4b8d7a8753f246", "4a90b2171ac83a76", "71236b7129f9b22ab77ea7a54c96da22",
     "90527ebaa5588968db41727325a04d9e", "82a0f5287a71", "527dbf41f35f", 1},
    {"set 9", "a0e2971b6822e8d354a18cc235624ecb", "08eff828b13fdb562722c65c7f30a9b2",
     "db5c066481e0", "716b", "323792faca21fb4d5d6f13c145a9d2c1", "82a26f22bba9e9488f949a10d98e9cc4",
     "9485fe24621cb9f6", "bce325ce03e2e9b9", "4bc2212d8624910a", "08cef6d004ec61471a3c3cda048137fa",
     "ed0318ca5deb9206272f6e8fa64ba411", "a2f858aa9e5d", "74e76fbbec38", 1},
    {"set 10", "0da6f7ba86d5eac8a19cf563ac58642d", "679ac4dbacd7d233ff9d6806f4149ce3",
     "6e2331d692ad", "224a", "4b9a26fa459e3acbff36f4015de3bdc1", "0db1071f8767562ca43a0a64c41e8d08",
     "2831d7ae9088e492", "9b2e16951135d523", "6fc30fee6d123523", "69b1cae7c7429d975e245cacb05a517c",
     "74f24e8c26df58e1b38d7dcd4f1b7fbd", "4c539a26e1fa", "07861e126928", 1},
    {"set 11", "77b45843c88e58c10d202684515ed430", "4c47eb3076dc55fe5106cb2034b8cd78",
     "fe1a8731005d", "ad25", "bf3286c7a51409ce95724d503bfe6e70", "d483afae562409a326b5bb0b20c4d762",
     "08332d7e9f484570", "ed41b734489d5207", "aefa357beac2a87a", "908c43f0569cb8f74bc971e706c36c5f",
     "c251df0d888dd9329bcf46655b226e40", "30ff25cdadf6", "e84ed0d4677e", 1},
    {"set 12", "729b17729270dd87ccdf1bfe29b4e9bb", "311c4c929744d675b720f3b7e9b1cbd0",
     "c85c4cf65916", "5bb2", "d04c9c35bd2262fa810d2924d036fd13", "228c2f2f06ac3268a9e616ee16db4ba1",
     "ff794fe2f827ebf8", "24fe4dc61e874b52", "98dbbd099b3b408d", "44c0f23c5493cfd241e48f197e1d1012",
     "0c9fb81613884c2535dd0eabf3b440d8", "5380d158cfe3", "87ac3b559fb6", 1},
    {"set 13", "d32dd23e89dc662354ca12eb79dd32fa", "cf7d0ab1d94306950bf12018fbd46887",
     "484107e56a43", "b5e6", "fe75905b9da47d356236d0314e09c32e", "d22a4b4180a5325708a5ff70d9f67ec7",
     "cf19d62b6a809866", "5d269537e45e2ce6", "af4a411e1139f2c2", "5af86b80edb70df5292cc1121cbad50c",
     "7f4d6ae7440e18789a8b75ad3f42f03a", "217af49272ad", "900e101c677e", 1},
    {"set 14", "af7c65e1927221de591187a2c5987a53", "1f0f8578464fd59b64bed2d09436b57a",
     "3d627b01418d", "84f6", "0c7acb8d95b7d4a31c5aca6d26345a88", "a4cf5c8155c08a7eff418e5443b98e55",
     "c37cae7805642032", "68cd09a452d8db7c", "7bffa5c2f41fbc05", "3f8c3f3ccf7625bf77fc94bcfd22fd26",
     "abcbae8fd46115e9961a55d0da5f2078", "837fd7b74419", "56e97a6090b1", 1},
    {"set 15", "5bd7ecd3d3127a41d12539bed4e7cf71", "59b75f14251c75031d0bcbac1c2c04c7",
     "a298ae8929dc", "d056", "f967f76038b920a9cd25e10c08b49924", "76089d3c0ff3efdc6e36721d4fceb747",
     "c3f25cd94309107e", "b0c8ba343665afcc", "7e3f44c7591f6f45", "d42b2d615e49a03ac275a5aef97af892",
     "0b3f8d024fe6bfafaa982b8f82e319c2", "5be11495525d", "4d6a34a1e4eb", 1},
    {"set 16", "6cd1c6ceb1e01e14f1b82316a90b7f3d", "f69b78f300a0568bce9f0cb93c4be4c9",
     "b4fce5feb059", "e4bb", "078bfca9564659ecd8851e84e6c59b48", "a219dc37f1dc7d66738b5843c799f206",
     "69a90869c268cb7b", "2e0fdcf9fd1cfa6a", "70f6bdb9ad21525f", "6edaf99e5bd9f85d5f36d91c1272fb4b",
     "d61c853c280dd9c46f297baec386de17", "1c408a858b3e", "aa4ae52daa30", 1},
    {"set 17", "b73a90cbcf3afb622dba83c58a8415df", "b120f1c1a0102a2f507dd543de68281f",
     "f1e8a523a36d", "471b", "b672047e003bb952dca6cb8af0e5b779", "df0c67868fa25f748b7044c6e7c245b8",
     "ebd70341bcd415b0", "12359f5d82220c14", "479dd25c20792d63", "66195dbed0313274c5ca7766615fa25e",
     "66bec707eb2afc476d7408a8f2927b36", "aefdaa5ddd99", "12ec2b87fbb1", 1},
    {"set 19", "90dca4eda45b53cf0f12d7c9c3bc6a89", "9fddc72092c6ad036b6e464789315b78",
     "20f813bd4141", "61df", "3ffcfe5b7b1111589920d3528e84e655", "cb9cccc4b9258e6dca4760379fb82581",
     "09db94eab4f8149e", "a29468aa9775b527", "a95100e2760952cd", "b5f2da03883b69f96bf52e029ed9ac45",
     "b4721368bc16ea67875c5598688bb0ef", "83cfd54db913", "4f2039392ddc", 1},
    {"a real card", "56c3a6da347ae7e43c69d37576725d81", "e85b2b7fe58f0e6239b32543d3e3259a",
     "000000000020", "0000", "e0012b514f84eca9bfd6182bee345e2c", "b54aa2ed5fb981dd3d544c1fe3e36b6f",
     "ca8ab1f93c7cb03a", NULL, "13484811d553ab35", "0f93c4807f4ff57c6cd348fea590c06d",
     "608e7bff4856c73e363e795b165a4158", "7928ea47ae29", NULL, 1},
};

/* TS 55.205: SRES by c2 and Kc by c3 of TS 33.102 6.8.1.2. */
static const struct {
    const char *k, *rand, *opc, *sres, *kc;
} gsm_sets[] = {
    {"465b5ce8b199b49faa5f0a2ee238a6bc", "23553cbe9637a89d218ae64dae47bf35",
     "cd63cb71954a9f4e48a5994e37a02baf", "46f8416a", "eae4be823af9a08b"},
    {"fec86ba6eb707ed08905757b1bb44b8f", "9f7c8d021accf4db213ccff0c7f71a6a",
     "1006020f0a478bf6b699f15c062e42b3", "8c308a5e", "aa01739b8caa976d"},
    {"9e5944aea94b81165c82fbf9f32db751", "ce83dbc54ac0274a157c17f80d017bd6",
     "a64a507ae1a2a98bb88eb4210135dc87", "cfbce3fe", "9a8ec95f408cc507"},
    {"4ab1deb05ca6ceb051fc98e77d026a84", "74b0cd6031a1c8339b2b6ce2b8c4a186",
     "dcf07cbd51855290b92a07a9891e523e", "9655e265", "cdc1dc0841b81a22"},
    {"6c38a116ac280c454f59332ee35c8c4f", "ee6466bc96202c5a557abbeff8babf63",
     "3803ef5363b947c6aaa225e58fae3934", "13688f17", "df75bc5ea899879f"},
    {"2d609d4db0ac5bf0d2c0de267014de0d", "194aa756013896b74b4a2a3b0af4539e",
     "c35a0ab0bcbfc9252caff15f24efbde0", "553d00b3", "84b417ae3aeab4f3"},
    {"a530a7fe428fad1082c45eddfce13884", "3a4c2b3245c50eb5c71d08639395764d",
     "27953e49bc8af6dcc6e730eb80286be3", "59f1a44a", "3b4e244cdc60ce03"},
    {"d9151cf04896e25830bf2e08267b8360", "f761e5e93d603feb730e27556cb8a2ca",
     "c4c93effe8a08138c203d4c27ce4e3d9", "50588861", "8d4ec01de597acfe"},
    {"a0e2971b6822e8d354a18cc235624ecb", "08eff828b13fdb562722c65c7f30a9b2",
     "82a26f22bba9e9488f949a10d98e9cc4", "cde6b027", "d8debc4ffbcd60aa"},
    {"0da6f7ba86d5eac8a19cf563ac58642d", "679ac4dbacd7d233ff9d6806f4149ce3",
     "0db1071f8767562ca43a0a64c41e8d08", "02d13acd", "f0eaa50a1edcebb7"},
    {"77b45843c88e58c10d202684515ed430", "4c47eb3076dc55fe5106cb2034b8cd78",
     "d483afae562409a326b5bb0b20c4d762", "44389d01", "82dbab7f83f063da"},
    {"729b17729270dd87ccdf1bfe29b4e9bb", "311c4c929744d675b720f3b7e9b1cbd0",
     "228c2f2f06ac3268a9e616ee16db4ba1", "03e0fd84", "3c66cb98cab2d33d"},
    {"d32dd23e89dc662354ca12eb79dd32fa", "cf7d0ab1d94306950bf12018fbd46887",
     "d22a4b4180a5325708a5ff70d9f67ec7", "be73b3dc", "9612b5d88a4130bb"},
    {"af7c65e1927221de591187a2c5987a53", "1f0f8578464fd59b64bed2d09436b57a",
     "a4cf5c8155c08a7eff418e5443b98e55", "8fe019c7", "75a150df3c6aed08"},
    {"5bd7ecd3d3127a41d12539bed4e7cf71", "59b75f14251c75031d0bcbac1c2c04c7",
     "76089d3c0ff3efdc6e36721d4fceb747", "27202b82", "b7f92e426a36fec5"},
    {"6cd1c6ceb1e01e14f1b82316a90b7f3d", "f69b78f300a0568bce9f0cb93c4be4c9",
     "a219dc37f1dc7d66738b5843c799f206", "ddd7efe6", "88d9de10a22004c5"},
    {"b73a90cbcf3afb622dba83c58a8415df", "b120f1c1a0102a2f507dd543de68281f",
     "df0c67868fa25f748b7044c6e7c245b8", "67e4ff3f", "a819e577a8d6175b"},
    {"5122250214c33e723a5dd523fc145fc0", "81e92b6c0ee0e12ebceba8d92a99dfa5",
     "981d464c7c52eb6e5036234984ad0bcf", "8a3b8d17", "9a8d0e883ff0887a"},
    {"90dca4eda45b53cf0f12d7c9c3bc6a89", "9fddc72092c6ad036b6e464789315b78",
     "cb9cccc4b9258e6dca4760379fb82581", "df58522f", "ed29b2f1c27f9f34"},
};

static const struct set tuak_sets[] = {
    {"set 1", "abababababababababababababababab", "42424242424242424242424242424242",
     "111111111111", "ffff", "5555555555555555555555555555555555555555555555555555555555555555",
     "bd04d9530e87513c5d837ac2ad954623a8e2330c115305a73eb45d1f40cccbff", "f9a54e6aeaa8618d",
     "e94b4dc6c7297df3", "657acd64", "d71a1e5c6caffe986a26f783e5c78be1",
     "be849fa2564f869aecee6f62d4337e72", "719f1e9b9054", "e7af6b3d0e38", 1},
    {"set 2", "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0",
     "0123456789abcdef0123456789abcdef", "0123456789ab", "abcd",
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
     "305425427e18c503c8a4b294ea72c95d0c36c6c6b29d0c65de5974d5977f8524",
     "c0b8c2d4148ec7aa5f1d78a97e4d1d58", "ef81af7290f7842c6ceafa537fa0745b", "e9d749dc4eea0035",
     "a4cb6f6529ab17f8337f27baa8234d47", "2274155ccf4199d5e2abcbf621907f90", "480a9345cc1e",
     "f84eb338848c", 1},
    {"set 3", "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0",
     "0123456789abcdef0123456789abcdef", "0123456789ab", "abcd",
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
     "305425427e18c503c8a4b294ea72c95d0c36c6c6b29d0c65de5974d5977f8524",
     "d97b75a1776065271b1e212bc3b1bf173f438b21e6c64a55a96c372e085e5cc5",
     "427bbf07c6e3a86c54f8c5216499f3909a6fd4a164c9fe235b1550258111b821", "07021c73e7635c7d",
     "4d59ac796834eb85d11fa148a5058c3c",
     "126d47500136fdc5ddfd14f19ebf16749ce4b6435323fbb5715a3a796a6082bd", "1d6622c4e59a",
     "f84eb338848c", 1},
    {"set 4", "b8da837a50652d6ac7c97da14f6acc61", "6887e55425a966bd86c9661a5fa72be8",
     "0dea2ee2c5af", "df1e", "0952be13556c32ebc58195d9dd930493e12a9003669988ffde5fa1f0fe35cc01",
     "2bc16eb657a68e1f446f08f57c0efb1d493527a2e652ce281eb6ca0e4487760a",
     "749214087958dd8f58bfcdf869d8ae3f", "619e865afe80e382aee13063f9dfb56d",
     "4041ce438e3e38e8aa96562eed83ac43", "3e3bc01bea0cd914c4c2c83ce2d92757",
     "666a8e6f577b1aa77b7fd53cebb8a3d6", "1f880d005119", "45e617d77fe5", 1},
    {"set 5", "1574ca56881d05c189c82880f789c9cd4244955f4426aa2b69c29f15770e5aa5",
     "c570aac68cde651fb1e3088322498bef", "c89bb71f3a41", "297d",
     "e59f6eb10ea406813f4991b0b9e02f181edf4c7e17b480f66d34da35ee88c95e",
     "3c6052e41532a28a47aa3cbb89f223e8f3aaa976aecd48bc3e7d6165a55eff62", "d7340dad02b4cb01",
     "c6021e2e66accb15", "84d89b41db1867ffd4c7ba1d82163f4d526a20fbae5418fbb526940b1eeb905c",
     "d419676afe5ab58c1d8bee0d43523a4d2f52ef0b31a4676a0c334427a988fe65",
     "205533e505661b61d05cc0eac87818f4", "d7b3d2d4980a", "ca9655264986", 1},
    {"set 6", "1574ca56881d05c189c82880f789c9cd4244955f4426aa2b69c29f15770e5aa5",
     "c570aac68cde651fb1e3088322498bef", "c89bb71f3a41", "297d",
     "e59f6eb10ea406813f4991b0b9e02f181edf4c7e17b480f66d34da35ee88c95e",
     "b04a66f26c62fcd6c82de22a179ab65506ecf47f56245cd149966cfa9cec7a51",
     "90d2289ed1ca1c3dbc2247bb480d431ac71d2e4a7677f6e997cfddb0cbad88b7",
     "427355dbac30e825063aba61b556e87583abac638e3ab01c4c884ad9d458dc2f",
     "d67e6e64590d22eecba7324afa4af4460c93f01b24506d6e12047d789a94c867",
     "ede57edfc57cdffe1aae75066a1b7479bbc3837438e88d37a801cccc9f972b89",
     "48ed9299126e5057402fe01f9201cf25249f9c5c0ed2afcf084755daff1d3999", "6aae8d18c448",
     "8c5f33b61f4e", 2},
};

static struct aka_params params_of(const struct set *set, enum aka_algorithm algorithm)
{
    struct aka_params p;
    aka_params_default(&p, algorithm);
    cr_span k = vector(set->k);
    memcpy(p.key, k.p, k.n);
    p.key_size = k.n;
    p.keccak_iterations = set->iterations;
    p.mac_size = vector(set->f1).n;
    p.res_size = vector(set->f2).n;
    p.ck_size = vector(set->f3).n;
    p.ik_size = vector(set->f4).n;
    return p;
}

static void test_gsm_sets(void **state)
{
    (void)state;
    static const uint8_t zero[6];
    for (size_t i = 0; i < CR_COUNT(gsm_sets); i++) {
        struct aka_params p;
        struct aka_vector v;
        uint8_t sres[4];
        uint8_t kc[8];
        aka_params_default(&p, AKA_MILENAGE);
        memcpy(p.key, vector(gsm_sets[i].k).p, 16);
        memcpy(p.opc, vector(gsm_sets[i].opc).p, 16);
        assert_int_equal(aka_compute(&p, vector(gsm_sets[i].rand).p, zero, zero, &v, NULL), CR_OK);
        aka_sres(v.res, p.res_size, sres);
        aka_kc(v.ck, v.ik, kc);
        assert_bytes(sres, gsm_sets[i].sres);
        assert_bytes(kc, gsm_sets[i].kc);
    }
}

static void check_set(const struct set *set, enum aka_algorithm algorithm)
{
    struct aka_params p = params_of(set, algorithm);
    struct aka_vector v;
    uint8_t opc[32];
    cr_span op = vector(set->op);
    print_message("%s\n", set->name);
    assert_int_equal(aka_opc(&p, op, opc, NULL), CR_OK);
    assert_span(cr_span_of(opc, op.n), set->opc);
    memcpy(p.opc, opc, op.n);
    assert_int_equal(
        aka_compute(&p, vector(set->rand).p, vector(set->sqn).p, vector(set->amf).p, &v, NULL),
        CR_OK);
    assert_span(cr_span_of(v.mac_a, p.mac_size), set->f1);
    assert_span(cr_span_of(v.res, p.res_size), set->f2);
    assert_span(cr_span_of(v.ck, p.ck_size), set->f3);
    assert_span(cr_span_of(v.ik, p.ik_size), set->f4);
    assert_bytes(v.ak, set->f5);
    if (set->f5_star) {
        uint8_t mac_s[32];
        assert_span(cr_span_of(v.mac_s, p.mac_size), set->f1_star);
        assert_bytes(v.ak_s, set->f5_star);
        assert_int_equal(
            aka_mac_s(&p, vector(set->rand).p, vector(set->sqn).p, vector(set->amf).p, mac_s, NULL),
            CR_OK);
        assert_span(cr_span_of(mac_s, p.mac_size), set->f1_star);
    }
}

static void test_milenage(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(milenage_sets); i++) {
        check_set(&milenage_sets[i], AKA_MILENAGE);
    }
}

static void test_tuak(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(tuak_sets); i++) {
        check_set(&tuak_sets[i], AKA_TUAK);
    }
}

static void xor6(uint8_t out[6], const uint8_t *a, const uint8_t *b)
{
    for (size_t i = 0; i < 6; i++) {
        out[i] = a[i] ^ b[i];
    }
}

static struct aka_params milenage_params(const struct set *set)
{
    struct aka_params p = params_of(set, AKA_MILENAGE);
    memcpy(p.opc, vector(set->opc).p, 16);
    return p;
}

/* AUTN = SQN ^ AK || AMF || MAC-A and AUTS = SQN ^ AK* || MAC-S over AMF* = 0000, c2 and c3. */
static void test_milenage_tokens(void **state)
{
    (void)state;
    const struct set *set = &milenage_sets[0];
    struct aka_params p = milenage_params(set);
    struct aka_vector v;
    uint8_t six[6];
    uint8_t mac_s[8];
    uint8_t kc[8];
    uint8_t sres[4];
    const uint8_t *rand = vector(set->rand).p;
    const uint8_t *sqn = vector(set->sqn).p;
    assert_int_equal(aka_compute(&p, rand, sqn, vector(set->amf).p, &v, NULL), CR_OK);
    xor6(six, sqn, v.ak);
    assert_bytes(six, "55f328b43577");
    assert_int_equal(aka_mac_s(&p, rand, sqn, vector("0000").p, mac_s, NULL), CR_OK);
    xor6(six, sqn, v.ak_s);
    assert_bytes(six, "ba853f3c123c");
    assert_bytes(mac_s, "cf44e93596e355c6");
    uint8_t autn[AKA_AUTN];
    uint8_t auts[AKA_AUTS];
    aka_autn(&v, sqn, vector(set->amf).p, autn);
    assert_memory_equal(autn + 6, vector(set->amf).p, 2);
    assert_memory_equal(autn + 8, vector(set->f1).p, 8);
    xor6(six, autn, v.ak);
    assert_memory_equal(six, sqn, 6);
    memcpy(auts, vector("ba853f3c123c").p, 6);
    memcpy(auts + 6, mac_s, 8);
    assert_int_equal(aka_auts(&p, rand, auts, six, NULL), CR_OK);
    assert_memory_equal(six, sqn, 6);
    for (size_t bit = 0; bit < 8 * sizeof auts; bit++) {
        auts[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(aka_auts(&p, rand, auts, six, NULL), CR_REFUSED);
        auts[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    aka_kc(v.ck, v.ik, kc);
    assert_bytes(kc, "eae4be823af9a08b");
    aka_sres(v.res, p.res_size, sres);
    assert_bytes(sres, "46f8416a");

    set = &milenage_sets[CR_COUNT(milenage_sets) - 1]; /* the recorded card */
    struct aka_params card = milenage_params(set);
    rand = vector(set->rand).p;
    sqn = vector(set->sqn).p;
    assert_int_equal(aka_compute(&card, rand, sqn, vector("0000").p, &v, NULL), CR_OK);
    xor6(six, sqn, v.ak);
    assert_bytes(six, "7928ea47ae09");
    aka_kc(v.ck, v.ik, kc);
    assert_bytes(kc, "35f08eda84d3b377");
}

/* The same key with AMF 8000 and three sequence numbers, as a card meets them. */
static void test_milenage_card_level(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{"000000000020", "aa689c648350", "904cbb451b65def8"},
                                           {"000000000021", "aa689c648351", "41ed662ae8c74ecd"},
                                           {"000000000040", "aa689c648330", "1d34c2beabe680bc"}};
    struct aka_params p = milenage_params(&milenage_sets[0]);
    const uint8_t *rand = vector(milenage_sets[0].rand).p;
    struct aka_vector v;
    uint8_t six[6];
    uint8_t mac_s[8];
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        const uint8_t *sqn = vector(cases[i][0]).p;
        assert_int_equal(aka_compute(&p, rand, sqn, vector("8000").p, &v, NULL), CR_OK);
        xor6(six, sqn, v.ak);
        assert_bytes(six, cases[i][1]);
        assert_span(cr_span_of(v.mac_a, 8), cases[i][2]);
    }
    /* replayed: AUTS for SQN_MS 000000000020 */
    const uint8_t *sqn_ms = vector("000000000020").p;
    assert_int_equal(aka_mac_s(&p, rand, sqn_ms, vector("0000").p, mac_s, NULL), CR_OK);
    xor6(six, sqn_ms, v.ak_s);
    assert_bytes(six, "451e8beca41b");
    assert_bytes(mac_s, "f8ee589d46d835c9");
}

/* Constants of a profile's own choice. */
static void test_milenage_constants(void **state)
{
    (void)state;
    struct aka_params p = milenage_params(&milenage_sets[0]);
    const uint8_t *rand = vector(milenage_sets[0].rand).p;
    const uint8_t *sqn = vector(milenage_sets[0].sqn).p;
    const uint8_t *amf = vector(milenage_sets[0].amf).p;
    struct aka_vector standard;
    struct aka_vector v;
    assert_int_equal(aka_compute(&p, rand, sqn, amf, &standard, NULL), CR_OK);
    /* roles exchanged: with the constants of f3 in the place of f4, IK is CK */
    p.rotation[3] = p.rotation[2];
    memcpy(p.constants[3], p.constants[2], 16);
    assert_int_equal(aka_compute(&p, rand, sqn, amf, &v, NULL), CR_OK);
    assert_memory_equal(v.ik, standard.ck, 16);
    assert_memory_equal(v.ck, standard.ck, 16);
    assert_memory_equal(v.res, standard.res, 8);
    /* every rotation from 0 to 127 gives another key, and 128 is none */
    uint8_t seen[128][16];
    for (unsigned r = 0; r < 128; r++) {
        p.rotation[2] = (uint8_t)r;
        assert_int_equal(aka_compute(&p, rand, sqn, amf, &v, NULL), CR_OK);
        memcpy(seen[r], v.ck, 16);
        for (unsigned other = 0; other < r; other++) {
            assert_memory_not_equal(seen[r], seen[other], 16);
        }
    }
    assert_memory_equal(seen[32], standard.ck, 16);
    p.rotation[2] = 128;
    struct cr_err err = {0};
    assert_int_equal(aka_compute(&p, rand, sqn, amf, &v, &err), CR_MALFORMED);
    assert_string_equal(err.field, "rotationConstants");
}

static void test_algorithm(void **state)
{
    (void)state;
    struct aka_params p;
    struct aka_vector v;
    uint8_t kc[8];
    uint8_t six[6];
    uint8_t mac_s[8];
    aka_params_default(&p, AKA_TEST);
    memcpy(p.key, vector("000102030405060708090a0b0c0d0e0f").p, 16);
    const uint8_t *rand = vector("23553cbe9637a89d218ae64dae47bf35").p;
    const uint8_t *sqn = vector("000000000020").p;
    assert_int_equal(aka_compute(&p, rand, sqn, vector("8000").p, &v, NULL), CR_OK);
    assert_span(cr_span_of(v.res, 16), "23543ebd9232ae9a2983ec46a24ab13a");
    assert_span(cr_span_of(v.ck, 16), "543ebd9232ae9a2983ec46a24ab13a23");
    assert_span(cr_span_of(v.ik, 16), "3ebd9232ae9a2983ec46a24ab13a2354");
    assert_bytes(v.ak, "bd9232ae9a29");
    assert_bytes(v.ak_s, "bd9232ae9a29");
    assert_span(cr_span_of(v.mac_a, 8), "23543ebd92122e9a");
    xor6(six, sqn, v.ak);
    assert_bytes(six, "bd9232ae9a09");
    aka_kc(v.ck, v.ik, kc);
    assert_bytes(kc, "0529cb4867bfaadd");
    assert_int_equal(aka_mac_s(&p, rand, sqn, vector("0000").p, mac_s, NULL), CR_OK);
    assert_bytes(mac_s, "23543ebd9212ae9a");
    p.res_size = 4;
    assert_int_equal(aka_compute(&p, rand, sqn, vector("8000").p, &v, NULL), CR_OK);
    assert_span(cr_span_of(v.res, 8), "23543ebd00000000");
}

static void test_sres(void **state)
{
    (void)state;
    uint8_t sres[4];
    aka_sres(vector("01020304").p, 4, sres);
    assert_bytes(sres, "01020304");
    aka_sres(vector("0102030410203040 0000ff00").p, 12, sres);
    assert_bytes(sres, "1122cc44");
    aka_sres(vector("010203041020").p, 6, sres); /* padded with zeros */
    assert_bytes(sres, "11220304");
    aka_sres(vector("000102030405060708090a0b0c0d0e0f").p, 16, sres);
    assert_bytes(sres, "00000000");
}

/* The permutation under OpenSSL's SHA3-256 of one block must be ours. */
static void test_keccak(void **state)
{
    (void)state;
    uint8_t message[135];
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (uint8_t)(i * 5 + 1);
    }
    for (size_t n = 0; n <= sizeof message; n++) {
        uint8_t s[KECCAK_STATE] = {0};
        uint8_t want[32];
        memcpy(s, message, n);
        s[n] ^= 0x06;
        s[135] ^= 0x80;
        keccak_f1600(s);
        assert_int_equal(EVP_Digest(message, n, want, NULL, EVP_sha3_256(), NULL), 1);
        assert_memory_equal(s, want, sizeof want);
    }
}

static void test_params_refused(void **state)
{
    (void)state;
    static const struct {
        enum aka_algorithm algorithm;
        size_t key, res, mac, ck, ik;
        unsigned keccak;
        cr_status want;
    } cases[] = {
        {AKA_MILENAGE, 16, 8, 8, 16, 16, 0, CR_OK},
        {AKA_MILENAGE, 16, 4, 8, 16, 16, 0, CR_OK},
        {AKA_MILENAGE, 32, 8, 8, 16, 16, 1, CR_MALFORMED},
        {AKA_MILENAGE, 16, 16, 8, 16, 16, 1, CR_MALFORMED},
        {AKA_MILENAGE, 16, 8, 16, 16, 16, 1, CR_MALFORMED},
        {AKA_MILENAGE, 16, 8, 8, 32, 16, 1, CR_MALFORMED},
        {AKA_MILENAGE, 16, 8, 8, 16, 32, 1, CR_MALFORMED},
        {AKA_TUAK, 16, 8, 8, 16, 16, 1, CR_OK},
        {AKA_TUAK, 32, 32, 32, 32, 32, 255, CR_OK},
        {AKA_TUAK, 24, 8, 8, 16, 16, 1, CR_MALFORMED},
        {AKA_TUAK, 0, 8, 8, 16, 16, 1, CR_MALFORMED},
        {AKA_TUAK, 16, 5, 8, 16, 16, 1, CR_MALFORMED},
        {AKA_TUAK, 16, 64, 8, 16, 16, 1, CR_MALFORMED},
        {AKA_TUAK, 16, SIZE_MAX, 8, 16, 16, 1, CR_MALFORMED},
        {AKA_TUAK, 16, 8, 4, 16, 16, 1, CR_MALFORMED},
        {AKA_TUAK, 16, 8, 8, 24, 16, 1, CR_MALFORMED},
        {AKA_TUAK, 16, 8, 8, 16, 8, 1, CR_MALFORMED},
        {AKA_TUAK, 16, 8, 8, 16, 16, 0, CR_MALFORMED},
        {AKA_TUAK, 16, 8, 8, 16, 16, 256, CR_MALFORMED},
        {AKA_TEST, 16, 16, 8, 16, 16, 0, CR_OK},
        {AKA_TEST, 32, 16, 8, 16, 16, 1, CR_MALFORMED},
        {AKA_TEST, 16, 32, 8, 16, 16, 1, CR_MALFORMED},
        {(enum aka_algorithm)0, 16, 8, 8, 16, 16, 1, CR_REFUSED},
        {(enum aka_algorithm)4, 16, 8, 8, 16, 16, 1, CR_REFUSED},
    };
    static const uint8_t zero[32];
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct aka_params p;
        struct aka_vector v;
        uint8_t out[32];
        aka_params_default(&p, AKA_MILENAGE);
        p.algorithm = cases[i].algorithm;
        p.key_size = cases[i].key;
        p.res_size = cases[i].res;
        p.mac_size = cases[i].mac;
        p.ck_size = cases[i].ck;
        p.ik_size = cases[i].ik;
        p.keccak_iterations = cases[i].keccak;
        memset(&v, 0x5A, sizeof v);
        assert_int_equal(aka_compute(&p, zero, zero, zero, &v, NULL), cases[i].want);
        assert_int_equal(aka_mac_s(&p, zero, zero, zero, out, NULL), cases[i].want);
        if (cases[i].want != CR_OK) {
            assert_int_equal(v.res[0], 0x5A);
            assert_int_equal(aka_opc(&p, CR_SPAN_ARRAY(zero), out, NULL), cases[i].want);
        }
    }
    struct aka_params p;
    uint8_t out[32];
    aka_params_default(&p, AKA_MILENAGE);
    assert_int_equal(aka_opc(&p, cr_span_of(zero, 32), out, NULL), CR_MALFORMED);
    aka_params_default(&p, AKA_TUAK);
    assert_int_equal(aka_opc(&p, cr_span_of(zero, 16), out, NULL), CR_MALFORMED);
    aka_params_default(&p, AKA_TEST);
    assert_int_equal(aka_opc(&p, cr_span_of(zero, 16), out, NULL), CR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gsm_sets),
        cmocka_unit_test(test_milenage),
        cmocka_unit_test(test_milenage_tokens),
        cmocka_unit_test(test_milenage_card_level),
        cmocka_unit_test(test_milenage_constants),
        cmocka_unit_test(test_tuak),
        cmocka_unit_test(test_keccak),
        cmocka_unit_test(test_algorithm),
        cmocka_unit_test(test_sres),
        cmocka_unit_test(test_params_refused),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
